import { AttemptTimeout } from "../resilience/timeout.ts";
import { TooManyUnanswered } from "./unanswered.ts";

export type RedisErrorClass =
  | "timeout"
  | "closed"
  | "too-many-unanswered"
  | "not-connected"
  | "clusterdown"
  | "tryagain"
  | "redirected"
  | "readonly"
  | "loading"
  | "oom"
  | "wrongtype"
  | "denied"
  | "not-permitted"
  | "command"
  | "unknown";

interface Meaning {
  readonly class: RedisErrorClass;
  /** The beginning of the message, as a real cluster (Redis 7.0) and ioredis 6 word it. */
  readonly message: RegExp;
  /** Whether other commands to the shard fail too: what its breaker is to count. */
  readonly shard: "ill" | "well";
}

/**
 * What each error means, in the order of matching. ioredis throws plain errors, so only the message tells.
 *
 * Replies about one command or its data are no sign of illness: OOM refuses writes while reads go on, and
 * WRONGTYPE is somebody else's value under our key.
 */
const meanings: readonly Meaning[] = [
  // Sent, or about to be. A second attempt would wait as long: the connection is not dropped yet.
  row("timeout", /^Command timed out$/, "ill"),
  // In flight when the connection closed, or there was none. If only the connection broke, the next command
  // opens another; if the node is gone, that is refused at once.
  row("closed", /^Connection is closed\.$/, "ill"),
  // No node was reachable when the client last looked; it looks again after 100 to 600 ms.
  row("not-connected", /^Cluster isn't ready /, "ill"),
  // Not the shard's own fault: with cluster-require-full-coverage, that of any other. It lasts as long as the
  // failure detection, seconds; asking meanwhile is of no use.
  row("clusterdown", /^CLUSTERDOWN /, "ill"),
  // A command about several keys of a slot that is moving. ioredis has tried three times, at nodes drawn at
  // random: where the last of them was another, the error is a MOVED, and falls under "redirected".
  row("tryagain", /^(Too many Cluster redirections\. Last error: ReplyError: )?TRYAGAIN /, "well"),
  // Nodes that send each other's clients back and forth have not agreed on an owner yet.
  row("redirected", /^(Too many Cluster redirections\. |MOVED |ASK )/, "ill"),
  // A script that writes, at a replica that the client took for the master. The next refresh tells it.
  row("readonly", /^READONLY /, "ill"),
  // For as long as the node reads its data from disk or from its master.
  row("loading", /^LOADING /, "ill"),
  row("oom", /^OOM /, "well"),
  row("wrongtype", /^WRONGTYPE /, "well"),
  // Every command on that connection, until somebody changes the configuration.
  row("denied", /^(NOAUTH|WRONGPASS) /, "ill"),
  row("not-permitted", /^NOPERM /, "well"),
  row("command", /^(ERR|CROSSSLOT|NOSCRIPT) /, "well"),
];

/** Nothing is sent on such a connection; it owes too much to hope for the next attempt. */
const tooManyUnanswered: Meaning = row("too-many-unanswered", /./, "ill");
const unknown: Meaning = row("unknown", /./, "ill");

function row(name: RedisErrorClass, message: RegExp, shard: Meaning["shard"]): Meaning {
  return { class: name, message, shard };
}

function meaningOf(thrown: unknown): Meaning {
  if (thrown instanceof TooManyUnanswered) return tooManyUnanswered;
  // The policy around the command, which has the same limit as the client: either may be first.
  const message = thrown instanceof AttemptTimeout ? "Command timed out" : String(Object(thrown).message);
  return meanings.find((meaning) => meaning.message.test(message)) ?? unknown;
}

/** For labels and logs: what kind of error it is. */
export function redisErrorClass(thrown: unknown): RedisErrorClass {
  return meaningOf(thrown).class;
}

/** Whether the shard is ill, so that its breaker should count the error. */
export function isShardFailure(thrown: unknown): boolean {
  return meaningOf(thrown).shard === "ill";
}
