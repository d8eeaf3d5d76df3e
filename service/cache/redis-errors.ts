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
  readonly shardIsIll: boolean;
  /** Whether Redis may have carried the command out, or may yet. */
  readonly mayHaveRun: boolean;
  /** Whether the cause is often gone within milliseconds, so that a second attempt has a chance. */
  readonly passesSoon: boolean;
}

/**
 * What each error means, in the order of matching. ioredis throws plain errors, so only the message tells.
 *
 * Replies about one command or its data are no sign of illness: OOM refuses writes while reads go on, and
 * WRONGTYPE is somebody else's value under our key.
 */
const meanings: readonly Meaning[] = [
  // Sent, or about to be. A second attempt would wait as long: the connection is not dropped yet.
  row("timeout", /^Command timed out$/, { shardIsIll: true, mayHaveRun: true }),
  // In flight when the connection closed, or there was none. If only the connection broke, the next command
  // opens another; if the node is gone, that is refused at once.
  row("closed", /^Connection is closed\.$/, { shardIsIll: true, mayHaveRun: true, passesSoon: true }),
  // No node was reachable when the client last looked; it looks again after 100 to 600 ms.
  row("not-connected", /^Cluster isn't ready /, { shardIsIll: true }),
  // Not the shard's own fault: with cluster-require-full-coverage, that of any other. It lasts as long as the
  // failure detection, seconds; asking meanwhile is of no use.
  row("clusterdown", /^CLUSTERDOWN /, { shardIsIll: true }),
  // A command about several keys of a slot that is moving. ioredis has tried three times, at nodes drawn at
  // random: where the last of them was another, the error is a MOVED, and falls under "redirected".
  row("tryagain", /^(Too many Cluster redirections\. Last error: ReplyError: )?TRYAGAIN /, {
    passesSoon: true,
  }),
  // Nodes that send each other's clients back and forth have not agreed on an owner yet.
  row("redirected", /^(Too many Cluster redirections\. |MOVED |ASK )/, {
    shardIsIll: true,
    passesSoon: true,
  }),
  // A script that writes, at a replica that the client took for the master. The next refresh tells it.
  row("readonly", /^READONLY /, { shardIsIll: true, passesSoon: true }),
  // For as long as the node reads its data from disk or from its master.
  row("loading", /^LOADING /, { shardIsIll: true }),
  row("oom", /^OOM /, {}),
  row("wrongtype", /^WRONGTYPE /, {}),
  // Every command on that connection, until somebody changes the configuration.
  row("denied", /^(NOAUTH|WRONGPASS) /, { shardIsIll: true }),
  row("not-permitted", /^NOPERM /, {}),
  row("command", /^(ERR|CROSSSLOT|NOSCRIPT) /, {}),
];

/** Nothing is sent on such a connection; it owes too much to hope for the next attempt. */
const tooManyUnanswered: Meaning = row("too-many-unanswered", /./, { shardIsIll: true });
const unknown: Meaning = row("unknown", /./, { shardIsIll: true, mayHaveRun: true });

function row(
  name: RedisErrorClass,
  message: RegExp,
  flags: Partial<Pick<Meaning, "shardIsIll" | "mayHaveRun" | "passesSoon">>,
): Meaning {
  return { class: name, message, shardIsIll: false, mayHaveRun: false, passesSoon: false, ...flags };
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
  return meaningOf(thrown).shardIsIll;
}

/**
 * Whether one more attempt is safe, and may well succeed.
 *
 * @param idempotent whether the command may be carried out twice: a GET, or a SET of a value that would be the
 *   same. Not INCR, nor SET with NX, whose second attempt fails on the first one's success.
 */
export function isWorthRetrying(thrown: unknown, idempotent: boolean): boolean {
  const { mayHaveRun, passesSoon } = meaningOf(thrown);
  return passesSoon && (idempotent || !mayHaveRun);
}
