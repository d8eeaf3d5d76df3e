import { once } from "node:events";
import express, { type RequestHandler } from "express";
import { adaptiveLimit } from "../../../service/resilience/adaptive-limit.ts";
import { eventLoopDelay } from "../../../service/resilience/event-loop-delay.ts";
import { priorities } from "../../../service/resilience/priority.ts";
import { Shed, shedding } from "../../../service/resilience/shedding.ts";

// #region use
const now = performance.now.bind(performance);
const admission = shedding({
  // `initial` is the most: a service that has just started is not overloaded. `targetMs` is held against the loop's
  // delay, and no decision rests on fewer than `minimumCalls` requests.
  limit: adaptiveLimit({ initial: 200, minimum: 20, maximum: 200, targetMs: 100, minimumCalls: 10 }),
  // A mean over half a second: longer than a pause for garbage, and soon enough felt.
  delayMs: eventLoopDelay(500, now),
  onShed: (priority) => console.log(`refused: ${priority}`),
  now,
});

const shed: RequestHandler = async (req, res, next) => {
  const priority = priorities.find((known) => known === (req.get("x-priority") ?? "normal"));
  if (priority === undefined) {
    res.status(400).send(`x-priority must be one of ${priorities.join(", ")}`);
    return;
  }
  const caller = new AbortController();
  res.once("close", () => caller.abort(new Error("the caller left")));
  try {
    // The place is kept until the response is out.
    await admission.policy(priority)(async (signal) => {
      next();
      await once(res, "finish", { signal });
    })(caller.signal);
  } catch (thrown) {
    if (thrown instanceof Shed) res.status(503).set("retry-after", "1").send("overloaded");
    else if (!caller.signal.aborted) next(thrown);
  }
};

const app = express();
// Before whatever costs: bodies are not yet read.
app.use(shed);
app.use(express.json());
// #endregion use

const open = Promise.withResolvers<void>();
let entered = 0;
app.get("/slow", async (_req, res) => {
  entered++;
  await open.promise;
  res.send("done");
});
app.get("/", (_req, res) => {
  res.send("done");
});
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (address === null || typeof address === "string") throw new Error("the server has no port");
const get = async (path: string, priority: string) => {
  const response = await fetch(`http://127.0.0.1:${address.port}${path}`, {
    headers: { "x-priority": priority },
  });
  await response.text();
  return `${priority}: ${response.status} ${response.headers.get("retry-after") ?? ""}`.trim();
};

const slow = Array.from({ length: 140 }, () => get("/slow", "low"));
while (entered < 140) await new Promise((resolve) => setTimeout(resolve, 5));
console.log(await get("/", "low"));
console.log(await get("/", "normal"));
console.log(await get("/", "urgent"));
open.resolve();
await Promise.all(slow);
console.log(await get("/", "low"));
server.close();
server.closeAllConnections();
// The histogram of the loop's delay goes on for as long as the process.
process.exit();
