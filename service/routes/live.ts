import type { RequestHandler } from "express";

/**
 * GET /health/live: whether the process is worth keeping.
 *
 * Asks neither Redis nor the model: restarting this process would heal neither, and lose what it serves.
 */
export const live: RequestHandler = (_req, res) => {
  res.json({ status: "live" });
};
