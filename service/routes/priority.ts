import { type Priority, priorities } from "../resilience/priority.ts";
import { ApiError } from "./api-error.ts";

/** The priority that a request asks for in its header. @throws ApiError 400 */
export function priorityOf(header: string | string[] | undefined): Priority {
  const priority = header === undefined ? "normal" : priorities.find((candidate) => candidate === header);
  if (priority !== undefined) return priority;
  throw new ApiError(400, "invalid_priority", `x-priority must be one of ${priorities.join(", ")}`, {
    param: "x-priority",
  });
}
