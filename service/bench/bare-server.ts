import express from "express";
import { Cluster } from "ioredis";

/**
 * What the service is compared with: the least that answers the same POST from Redis Cluster. No policies, no
 * tenants, no checks, no logs, no metrics; ioredis by its defaults. It is sent keys that are there.
 */
const nodes = (process.env["REDIS_NODES"] ?? "").split(",").map((address) => {
  const [host = "", port] = address.split(":");
  return { host, port: Number(port) };
});
const redis = new Cluster(nodes);
const app = express();
app.disable("etag");
app.disable("x-powered-by");
app.post("/v1/chat/completions", express.json(), async (req, res) => {
  const answer = await redis.getBuffer(`bare:${JSON.stringify(req.body)}`);
  if (answer === null) {
    res.status(404).end();
    return;
  }
  res.setHeader("content-type", "application/json; charset=utf-8");
  res.end(answer);
});
const server = app.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ msg: "listening", address: server.address() })}\n`);
});
