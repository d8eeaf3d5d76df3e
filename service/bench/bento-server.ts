import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import { redisDriver } from "bentocache/drivers/redis";
import express from "express";
import { Cluster } from "ioredis";

/** The same route with bentocache as its cache: in memory before Redis Cluster, or Redis alone (L1=off). */
const nodes = (process.env["REDIS_NODES"] ?? "").split(",").map((address) => {
  const [host = "", port] = address.split(":");
  return { host, port: Number(port) };
});
const inRedis = bentostore().useL2Layer(redisDriver({ connection: new Cluster(nodes) }));
const cache = new BentoCache({
  default: "answers",
  stores: {
    answers: process.env["L1"] === "off" ? inRedis : inRedis.useL1Layer(memoryDriver({ maxSize: "64mb" })),
  },
});
const app = express();
app.disable("etag");
app.disable("x-powered-by");
app.post("/v1/chat/completions", express.json(), async (req, res) => {
  const answer = await cache.getOrSet({
    key: JSON.stringify(req.body),
    ttl: "1h",
    factory: async () => {
      const response = await fetch(`${process.env["MODEL_URL"]}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(req.body),
      });
      return await response.text();
    },
  });
  res.setHeader("content-type", "application/json; charset=utf-8");
  res.end(answer);
});
const server = app.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ msg: "listening", address: server.address() })}\n`);
});
