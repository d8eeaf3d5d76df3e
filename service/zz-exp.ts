import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
const what = process.argv[2] ?? "latency"; const env = Object.fromEntries((process.argv[3] ?? "").split(",").filter(Boolean).map(x=>x.split("=")));
const kids: any[] = [];
const C="/root/.cache/breakwater/";
const base = 21000 + Math.floor(Math.random()*2000)*10;
const dir = await mkdtemp("/tmp/service-helper/exp-");
const tp = spawn(C+"toxiproxy-server/2.12.0-linux-x64/toxiproxy-server", ["-port", `${base}`], {stdio:"ignore"}); kids.push(tp);
const R=C+"redis-server/7.0.15-linux-x64/usr/bin/redis-server";
for (let i=0;i<3;i++) kids.push(spawn(R, ["--bind","127.0.0.1","--port",`${base+1+i}`,"--cluster-port",`${base+4+i}`,"--cluster-announce-port",`${base+7+i}`,"--cluster-announce-ip","127.0.0.1","--cluster-announce-bus-port",`${base+4+i}`,"--dir",dir,"--save","","--cluster-enabled","yes","--cluster-config-file",`n${i}.conf`,"--cluster-node-timeout","1000","--cluster-require-full-coverage","no"],{stdio:"ignore",env:{...process.env,LD_LIBRARY_PATH:C+"redis-server/7.0.15-linux-x64/usr/lib/x86_64-linux-gnu"}}));
await delay(500);
const api=(m:string,p:string,b?:unknown)=>fetch(`http://127.0.0.1:${base}${p}`,{method:m,...(b?{body:JSON.stringify(b)}:{})}).then(async r=>{ if(!r.ok) console.log(await r.text()); return r;});
for (let i=0;i<3;i++) await api("POST","/proxies",{name:`r${i}`,listen:`127.0.0.1:${base+7+i}`,upstream:`127.0.0.1:${base+1+i}`,enabled:true});
const rs=[0,1,2].map(i=>new Redis(base+1+i,"127.0.0.1"));
const edge=[0,5462,10923,16384];
for (const [i,r] of rs.entries()) { await r.call("CLUSTER","SET-CONFIG-EPOCH",i+1); await r.call("CLUSTER","ADDSLOTSRANGE",edge[i]!,edge[i+1]!-1); }
for (const [i] of rs.entries()) for (const [j,r] of rs.entries()) if (i!==j) await r.call("CLUSTER","MEET","127.0.0.1",base+1+i,base+4+i);
await delay(4000);
const model = spawn(process.execPath,["service/model-server/main.ts"],{env:{PORT:`${base-1}`},stdio:["ignore","ignore","inherit"]}); kids.push(model);
const svc = spawn(process.execPath,["service/main.ts"],{env:{PORT:`${base-2}`,MODEL_URL:`http://127.0.0.1:${base-1}`,REDIS_NODES:[7,8,9].map(x=>`127.0.0.1:${base+x}`).join(","),...env},stdio:["ignore","pipe","inherit"]}); kids.push(svc);
let t0=performance.now(); const T=()=>((performance.now()-t0)/1000).toFixed(2);
const lines=createInterface({input:svc.stdout!});
lines.on("line",l=>{const o=JSON.parse(l); if(o.msg!=="problem") console.log("   LOG",T(),o.msg,o.dependency?.slice(-1)??"",o.state??"");});
await new Promise<void>(r=>lines.on("line",l=>{if(l.includes('"ready"'))r();}));
await delay(300);
const url=`http://127.0.0.1:${base-2}`;
type S={at:number,ms:number,st:number,c:string,d:string};
const samples:S[]=[];
let stop=false; const RATE=Number(env.RATE??100);
const N=Number(env.KEYS ?? 300);
async function one(k:number){ const at=performance.now(); try{const r=await fetch(url+"/v1/chat/completions",{method:"POST",headers:{"content-type":"application/json"},body:JSON.stringify({model:"llama-3-8b",messages:[{role:"user",content:`Question ${k}`}]})}); await r.text(); samples.push({at:at-t0,ms:performance.now()-at,st:r.status,c:r.headers.get("x-cache")??"-",d:r.headers.get("x-degraded")??""});}catch(e){samples.push({at:at-t0,ms:performance.now()-at,st:0,c:"-",d:""});}}
const loop=(async()=>{let n=0;const s=performance.now();while(!stop){const due=s+n*1000/RATE;const w=due-performance.now();if(w>1)await delay(w);void one(Math.floor(Math.random()*N));n++;}})();
await delay(5000);
const toxic = what==="latency"?{name:"t",type:"latency",stream:"downstream",attributes:{latency:400}}:{name:"t",type:"timeout",stream:"downstream",attributes:{timeout:0}};
const toxicUp={...toxic,name:"u",stream:"upstream"};
const which= what.endsWith("all")?[0,1,2]:[0];
t0=performance.now(); samples.length=0; console.log("fault",what);
const kind = what.startsWith("latency")?"l":what.startsWith("refuse")?"r":"b";
for(const i of which){ if(kind==="l") await api("POST",`/proxies/r${i}/toxics`,{name:"t",type:"latency",stream:"downstream",attributes:{latency:400}}); else if(kind==="b"){await api("POST",`/proxies/r${i}/toxics`,toxic.type==="timeout"?toxic:{name:"t",type:"timeout",stream:"downstream",attributes:{timeout:0}});await api("POST",`/proxies/r${i}/toxics`,{name:"u",type:"timeout",stream:"upstream",attributes:{timeout:0}});} else await api("POST",`/proxies/r${i}`,{enabled:false}); }
await delay(6000);
console.log("heal",T());
for(const i of which){ if(kind==="l") await api("DELETE",`/proxies/r${i}/toxics/t`); else if(kind==="b"){await api("DELETE",`/proxies/r${i}/toxics/t`);await api("DELETE",`/proxies/r${i}/toxics/u`);} else await api("POST",`/proxies/r${i}`,{enabled:true}); }
await delay(6000); stop=true; await loop; await delay(2500);
for(let b=0;b<12000;b+=500){const x=samples.filter(s=>s.at>=b&&s.at<b+500);const ms=x.map(s=>s.ms).sort((a,c)=>a-c);const cnt=(f:(s:S)=>boolean)=>x.filter(f).length;console.log((b/1000).toFixed(1),"n",x.length,"hit",cnt(s=>s.c==="hit"),"miss",cnt(s=>s.c==="miss"),"bypass",cnt(s=>s.c==="bypass"),"bad",cnt(s=>s.st!==200),"p50",ms[Math.floor(ms.length/2)]?.toFixed(1),"p99",ms[Math.floor(ms.length*.99)]?.toFixed(0));}
for(const r of rs) r.disconnect();
for(const k of kids) {k.kill("SIGKILL");}
process.exit(0);
