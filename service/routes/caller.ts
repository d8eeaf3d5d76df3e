import type { Response } from "express";

/** The caller closed the connection before its answer was out. */
class CallerLeft extends Error {
  override readonly name = "CallerLeft";
}

/** Aborted when the caller leaves. The request's own "close" would not do: it comes once its body is read. */
export function callerOf(res: Response): AbortController {
  const controller = new AbortController();
  res.once("close", () => {
    if (!res.writableEnded) controller.abort(new CallerLeft("the caller left"));
  });
  return controller;
}
