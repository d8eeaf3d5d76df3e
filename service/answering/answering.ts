import type { CacheRule } from "../cache/cacheable.ts";
import { cacheKey } from "../cache/keys.ts";
import type { Cache, CacheResult, Lookup, TierName } from "../cache/layered.ts";
import { type Answer, type ChatRequest, type Delta, EngineRefusal } from "../inference/engine.ts";
import { carries, entryScopes } from "../invalidation/scopes.ts";
import type { Deadline } from "../resilience/deadline.ts";
import type { Priority } from "../resilience/priority.ts";
import type { LogProblem } from "../telemetry/log.ts";
import { type Flights, flights } from "./coalesce.ts";
import { DependencyGone, type DependencyName } from "./dependency-gone.ts";
import { ageMs, type FreshnessSettings, standingOf } from "./freshness.ts";
import { type LatestDeadline, latestDeadline } from "./latest-deadline.ts";
import { type createMaking, isYoungEnough, type Made } from "./making.ts";
import type { RefreshBehind } from "./refresh.ts";

type TimeLeft = Pick<Deadline, "remainingMs">;

/** One request, as the cache and the engine see it. */
export interface Question {
  readonly request: ChatRequest;
  readonly tenant: string;
  readonly priority: Priority;
  readonly rule: CacheRule;
  /** What its answer can be invalidated by, beside itself, its model and its tenant. */
  readonly tags: readonly string[];
  /** undefined: there is none. */
  readonly deadline: TimeLeft | undefined;
  /**
   * Takes the pieces of an answer while it is made, the next one when it resolves; rejects only with the reason of
   * the caller's signal. undefined: only the whole counts.
   */
  readonly onPiece: ((piece: Delta) => Promise<void>) | undefined;
}

/** What happened on the way to an answer, filled in as it happens: an error's response tells it too. */
export interface Trail {
  /** What the answer is kept under; undefined as long as it is not known. */
  key: string | undefined;
  /** bypass: the cache was not asked, or could not be. */
  cache: "hit" | "miss" | "bypass" | undefined;
  /** Of a hit. */
  tier: TierName | undefined;
  ageMs: number | undefined;
  /** Why a hit is not a fresh one. */
  stale: "while-revalidate" | "if-error" | undefined;
  /** Who else's call of the engine this answer comes from: another caller's here, or another process's. */
  coalesced: "process" | "cluster" | undefined;
  readonly degraded: Set<DependencyName>;
}

export function newTrail(): Trail {
  return {
    key: undefined,
    cache: undefined,
    tier: undefined,
    ageMs: undefined,
    stale: undefined,
    coalesced: undefined,
    degraded: new Set(),
  };
}

/** The caller wanted a stored answer or none, and there is none. */
export class NotCached extends Error {
  override readonly name = "NotCached";
}

/** There is no time left to wait for a new answer, and an old one to give instead. */
class DeadlineNear extends Error {
  override readonly name = "DeadlineNear";
}

export interface AnsweringDeps {
  /** undefined: the service runs without a cache. */
  readonly cache: Cache<Answer> | undefined;
  /** The number of the latest invalidation that is known. */
  readonly epoch: () => number;
  /** Off: nothing is ever invalidated. */
  readonly scoped: boolean;
  readonly making: ReturnType<typeof createMaking>;
  /** Calls under way. */
  readonly answers: Flights<Made, Delta, Begun>;
  /** The deadline of a caller who comes now; undefined: requests have none. */
  readonly newDeadline: () => TimeLeft | undefined;
  /** Off: every caller makes a call of its own. */
  readonly coalesce: boolean;
  readonly freshness: FreshnessSettings;
  readonly refreshBehind: RefreshBehind;
  /** Off: a dependency that is gone fails the request, whatever else could answer it. */
  readonly fallback: boolean;
  /** How long before its deadline a caller who waits for a new answer is given an old one, where there is one. */
  readonly beforeDeadlineMs: number;
  readonly modelEpoch: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** From [0, 1). */
  readonly random: () => number;
  readonly onCacheResult: (result: CacheResult) => void;
  readonly onCoalesced: (through: NonNullable<Trail["coalesced"]>) => void;
  readonly onProblem: LogProblem;
}

/** What a call was begun with. */
interface Begun {
  /** What the cache had that was not older than `maxAgeMs`; undefined: it was not asked. */
  readonly known: Lookup<Answer> | undefined;
  readonly maxAgeMs: number | undefined;
  /** Of all who wait; undefined: they have none. */
  readonly deadline: LatestDeadline | undefined;
}

/**
 * Answers one request: from the cache, else from the engine, else from what the cache still has.
 *
 * Pieces go to `question.onPiece` only while an answer is made; a stored one is only returned.
 *
 * Rejects with DependencyGone, NotCached, the engine's EngineRefusal, or the reason of an aborted signal.
 */
export type Answering = (question: Question, trail: Trail, signal: AbortSignal) => Promise<Answer>;

export function createAnswering(deps: AnsweringDeps): Answering {
  const { cache, making, answers, coalesce, freshness, fallback, now, random, onProblem } = deps;
  const reads = flights<Lookup<Answer>>();

  /** The way of a request. */
  async function answer(question: Question, trail: Trail, signal: AbortSignal): Promise<Answer> {
    const { request, rule, tags, tenant } = question;
    const askedAt = now();
    const key = cacheKey(tenant, request, deps.modelEpoch);
    trail.key = key;
    const scopes = deps.scoped ? entryScopes({ tenant, model: request.model, key, tags }) : [];
    // What may be neither read nor stored is each caller's own: two who ask for a random answer want two.
    const shareable = rule.read && rule.store;
    const flightKey = flightKeyOf(question, key, deps.epoch());
    const shared = shareable && coalesce ? flightKey : undefined;

    const known = rule.read ? await lookUp(key, scopes, rule.maxAgeMs, shared, trail, signal) : undefined;
    const stored = known?.found;
    const standing =
      stored === undefined ? "useless" : standingOf(stored.entry, rule.maxAgeMs, now(), random(), freshness);

    const begin = (underKey: string | undefined, inPieces: boolean) => {
      // A call that nobody can join has its caller's deadline.
      const first = underKey === undefined ? question.deadline : deps.newDeadline();
      const deadline = first && latestDeadline(first);
      // Before the call, which may tell the model at once.
      if (question.deadline !== undefined) deadline?.include(question.deadline);
      const call = making({ ...question, key, scopes, known, deadline, inPieces });
      return answers.begin(underKey, { known, maxAgeMs: rule.maxAgeMs, deadline }, call);
    };
    if (stored !== undefined && standing !== "useless" && standing !== "last-resort") {
      const refreshing = standing !== "fresh" && shareable;
      if (refreshing && answers.find(flightKey) === undefined) {
        deps.refreshBehind(standing, (stopping) => begin(flightKey, false).join(stopping));
      }
      if (standing !== "revalidate") return serve(stored, trail, undefined);
      if (refreshing) return serve(stored, trail, "while-revalidate");
    }
    if (rule.onlyIfCached) throw new NotCached("the caller wants a stored answer or none");

    const lastResort = fallback && standing !== "useless" ? stored : undefined;
    const reading = readingOf(question, lastResort !== undefined, signal);
    const join = () => {
      const joined = answers.find(shared);
      trail.coalesced = joined && "process";
      const flight = joined ?? begin(shared, question.onPiece !== undefined);
      if (question.deadline !== undefined) flight.about.deadline?.include(question.deadline);
      return flight.join(reading.signal, reading.take);
    };
    try {
      let made = await join();
      // A call that another began may find what was stored before this one asked. It takes older answers, maybe.
      while (made.by === "another process" && !isYoungEnough(made.entry, rule, askedAt, now()))
        made = await join();
      if (made.by === "another process") trail.coalesced = "cluster";
      if (trail.coalesced !== undefined) deps.onCoalesced(trail.coalesced);
      return made.answer;
    } catch (thrown) {
      if (signal.aborted || thrown instanceof EngineRefusal) throw thrown;
      onProblem("model", thrown);
      trail.degraded.add("model");
      // Once a part of the new answer is out, the rest of an old one cannot complete it.
      if (lastResort === undefined || reading.begun()) throw new DependencyGone("model", thrown);
      return serve(lastResort, trail, "if-error");
    } finally {
      reading.end();
    }
  }

  async function lookUp(
    key: string,
    scopes: readonly string[],
    maxAgeMs: number | undefined,
    shared: string | undefined,
    trail: Trail,
    signal: AbortSignal,
  ): Promise<Lookup<Answer> | undefined> {
    if (cache === undefined) return undefined;
    // One that is too old for this caller in memory does not hide a newer one in Redis.
    const accepts = (entry: Found["entry"]) =>
      carries(entry, scopes) && (maxAgeMs === undefined || ageMs(entry, now()) <= maxAgeMs);
    const read = (inner: AbortSignal) => cache.read(key, inner, accepts);
    // Whoever has begun a call for this key has read it just now; but for as old an answer as they take.
    const begun = answers.find(shared)?.about;
    const readKey = shared && `${shared} ${maxAgeMs ?? ""}`;
    const lookup =
      cache.readNow(key, accepts) ??
      (begun?.maxAgeMs === maxAgeMs ? begun?.known : undefined) ??
      (await (reads.find(readKey) ?? reads.begin(readKey, undefined, (_, inner) => read(inner))).join(
        signal,
      ));
    trail.cache = lookup.failures.size === 0 ? "miss" : "bypass";
    for (const [tier, thrown] of lookup.failures) {
      onProblem(`${tier}-read`, thrown);
      trail.degraded.add("redis");
      if (!fallback) throw new DependencyGone("redis", thrown);
    }
    return lookup;
  }

  function serve(found: Found, trail: Trail, stale: Trail["stale"]): Answer {
    trail.cache = "hit";
    trail.tier = found.tier;
    trail.ageMs = ageMs(found.entry, now());
    trail.stale = stale;
    return found.entry.value;
  }

  /**
   * How a caller takes part in a flight: until it leaves, or, where there is an old answer to give instead, until its
   * deadline is near. Once a piece is out, it stays to the end.
   */
  function readingOf({ deadline, onPiece }: Question, hasOther: boolean, signal: AbortSignal) {
    let begun = false;
    const near = new AbortController();
    const giveUp = () =>
      begun || near.abort(new DeadlineNear("the model has not answered, and the deadline is near"));
    const timer =
      deadline === undefined || !hasOther
        ? undefined
        : setTimeout(giveUp, Math.max(0, deadline.remainingMs() - deps.beforeDeadlineMs));
    return {
      signal: timer === undefined ? signal : AbortSignal.any([signal, near.signal]),
      take:
        onPiece &&
        ((piece: Delta) => {
          begun = true;
          return onPiece(piece);
        }),
      begun: () => begun,
      end: () => clearTimeout(timer),
    };
  }

  return async (question, trail, signal) => {
    trail.cache = "bypass";
    try {
      return await answer(question, trail, signal);
    } finally {
      deps.onCacheResult(trail.stale === undefined ? trail.cache : "stale");
    }
  };
}

/**
 * Whose calls may be shared: those for the same answer, stored with the same tags, by callers between whom nothing
 * was invalidated. Who comes after an invalidation must not be given what was begun before; and who is not of low
 * priority must not be refused because the call was begun by one who is. In the cluster they share a lease.
 */
function flightKeyOf({ tags, priority }: Question, key: string, epoch: number): string {
  // Neither keys nor tags have blanks in them.
  return `${key} ${epoch} ${priority === "low" ? "low" : ""} ${tags.toSorted().join(" ")}`;
}

type Found = NonNullable<Lookup<Answer>["found"]>;
