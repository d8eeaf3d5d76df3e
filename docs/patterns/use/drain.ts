import { once } from "node:events";
import { createServer } from "node:http";
import { drainable } from "../../../service/http/drain.ts";

const begun = Promise.withResolvers<void>();
const open = Promise.withResolvers<void>();

// #region use
let draining = false;
const server = createServer(async (req, res) => {
  if (draining) res.setHeader("connection", "close");
  if (req.url === "/readyz") res.writeHead(draining ? 503 : 200).end();
  else res.end(await answer());
});
/** Before the server listens. */
const drain = drainable(server);

async function stop(): Promise<void> {
  draining = true;
  // As long as the load balancer may take to notice that the service is not ready; then as long as requests may take.
  const finished = await drain({ noticeMs: 2000, withinMs: 10_000 });
  console.log(finished ? "every request was answered" : "some were cut off");
}
process.once("SIGTERM", stop);
// #endregion use

async function answer(): Promise<string> {
  begun.resolve();
  await open.promise;
  return "done";
}
server.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (address === null || typeof address === "string") throw new Error("the server has no port");
const url = `http://127.0.0.1:${address.port}`;
const slow = fetch(`${url}/slow`).then((response) => response.text());
await begun.promise;
process.kill(process.pid, "SIGTERM");
// Until it has begun to drain, which the signal's handler does.
while (!draining) await new Promise(setImmediate);
console.log(`ready: ${(await fetch(`${url}/readyz`)).status}`);
while (server.listening) await new Promise((resolve) => setTimeout(resolve, 10));
console.log("no more are accepted");
open.resolve();
const answered = await slow;
// Its connection ends with it, and with that the drain: either may be told first.
process.once("exit", () => console.log(answered));
