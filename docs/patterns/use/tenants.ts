import { once } from "node:events";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { tenantLimits } from "../../../service/http/tenant-limits.ts";
import { tenantsByKey } from "../../../service/http/tenants.ts";
import { ApiError } from "../../../service/routes/api-error.ts";

// #region use
const tenantOf = tenantsByKey([
  { tenant: "ferry", key: "ferry-key" },
  { tenant: "harbour", key: "harbour-key" },
]);
const admit = tenantLimits(
  // Six an hour in the long run, of which two may come at once.
  { ratePerSecond: 6 / 3600, burst: 2, concurrency: 10 },
  performance.now.bind(performance),
  (tenant, reason) => console.log(`limited: ${tenant}, ${reason}`),
);

const limited: RequestHandler = (req, res, next) => {
  // Its place is free again once the response is out, or its caller has left.
  res.once("close", admit(tenantOf(req.get("authorization")), "normal"));
  next();
};
const told: ErrorRequestHandler = (thrown, _req, res, next) => {
  if (!(thrown instanceof ApiError)) return next(thrown);
  if (thrown.retryAfterMs !== undefined) res.set("retry-after", `${Math.ceil(thrown.retryAfterMs / 1000)}`);
  res.status(thrown.status).json(thrown.body());
};

const app = express();
app.use(limited);
app.get("/", (_req, res) => {
  res.send("done");
});
app.use(told);
// #endregion use

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (address === null || typeof address === "string") throw new Error("the server has no port");
const get = async (key: string) => {
  const response = await fetch(`http://127.0.0.1:${address.port}/`, {
    headers: { authorization: `Bearer ${key}` },
  });
  await response.text();
  return `${response.status}${response.headers.has("retry-after") ? " with Retry-After" : ""}`;
};
console.log(await get("ferry-key"), await get("ferry-key"), await get("ferry-key"));
console.log(await get("harbour-key"));
console.log(await get("another"));
server.close();
server.closeAllConnections();
