import type { Entry } from "../cache/tier.ts";
import type { MarkStore } from "./mark-store.ts";
import { createMarks, type News } from "./marks.ts";
import { tenantOfScope, tenantScope } from "./scopes.ts";

/** What is said of an entry. */
type Judged = Pick<Entry<unknown>, "epoch" | "scopes">;

/** What may no longer be served. */
export interface Invalidations {
  /** For an entry's `epoch`: taken before making it begins. */
  epoch(): number;
  /** Whether an entry may still be served, or stored: nothing that it can be invalidated by was since. */
  isCurrent(entry: Judged): boolean;
  /**
   * The same for what only this process has. The two differ until the store was first heard of, where nothing bounds
   * how long to be blind: then entries of others may have been invalidated long ago, but one that was made here
   * can have been only since, as in a process that has lost the store.
   */
  isCurrentHere(entry: Judged): boolean;
  /**
   * Invalidates scopes, all of one tenant or none of any, for every process. Once it resolves, this one serves none of their entries any more; the
   * others by the next message, and where that is lost by their next poll.
   *
   * Rejects when the marks could not be reached: then it may not be in force, and this process does not act on it
   * either, so that all replicas answer alike.
   */
  invalidate(scopes: readonly string[]): Promise<Invalidated>;
}

export interface Invalidated {
  readonly sequence: number;
  /** What became invalid: more than was asked for, where a tenant has used up its share of the marks. */
  readonly scopes: readonly string[];
}

/** How an invalidation became known. */
export type NewsSource = "request" | "message" | "poll";

export interface InvalidationsDeps {
  /** undefined: this process is all there is. */
  readonly store: MarkStore | undefined;
  readonly maxMarks: number;
  /** How many marks one tenant may have, so that no tenant can push out another one's. */
  readonly maxMarksOfTenant: number;
  /**
   * When nothing was heard of the store for longer, in ms, nothing is current. undefined: then what was last known
   * goes on holding; where nothing was, for this process's own entries.
   */
  readonly maxBlindMs: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds from any fixed point. */
  readonly clock: () => number;
  readonly onLearnt: (scope: string, source: NewsSource) => void;
  readonly onProblem: (code: string, thrown: unknown) => void;
}

/** The invalidations as the parts see them that bring the news. */
export interface InvalidationsFeed extends Invalidations {
  hear(news: News): void;
  /** Asks the store for what is not known here yet. Never rejects. @returns whether it could be asked */
  poll(): Promise<boolean>;
  /** How old the latest full knowledge is, in ms; undefined: there was none yet. */
  ageMs(): number | undefined;
  markCount(): number;
}

export function createInvalidations(deps: InvalidationsDeps): InvalidationsFeed {
  const { store, maxMarks, maxMarksOfTenant, maxBlindMs, now, clock, onLearnt, onProblem } = deps;
  let source: NewsSource = "poll";
  const marks = createMarks(maxMarks, (scope) => onLearnt(scope, source));
  let knownAt: number | undefined;
  let polling: Promise<boolean> | undefined;
  let pollAgain = false;
  let numbersSetBack = false;
  if (store === undefined) marks.learn({ seq: now() * 1000, floor: 0, marks: new Map() });

  function ageMs(): number | undefined {
    if (store === undefined) return 0;
    return knownAt === undefined ? undefined : clock() - knownAt;
  }

  /** Before the store was first heard of, what it says of any entry is not known. */
  function knowsEnough(): boolean {
    if (store === undefined) return true;
    return knownAt !== undefined && (maxBlindMs === undefined || clock() - knownAt <= maxBlindMs);
  }

  function hear(news: News, from: NewsSource): void {
    source = from;
    const heard = marks.hear(news);
    if (heard === "back") numbersSetBack = true;
    if (heard !== "ok") void poll();
  }

  /** One at a time. Who asks meanwhile may be asking about what the one under way no longer sees. */
  function poll(): Promise<boolean> {
    if (polling !== undefined) {
      pollAgain = true;
      return polling;
    }
    polling = ask()
      .then(() => true)
      .catch((thrown: unknown) => {
        onProblem("invalidation-poll", thrown);
        return false;
      })
      .finally(() => {
        polling = undefined;
        if (!pollAgain) return;
        pollAgain = false;
        void poll();
      });
    return polling;
  }

  async function ask(): Promise<void> {
    if (store === undefined) return;
    const askedAt = clock();
    const since = marks.complete();
    const changes = marks.changes();
    let theirs = await store.since(since);
    if (theirs.seq === 0 && since === 0) {
      // Whether it never had anything or lost everything cannot be told by one that knows nothing.
      await store.begin(marks.epoch());
      theirs = await store.since(0);
    }
    // What was heard meanwhile may be newer than the reply.
    const comparable = marks.changes() === changes;
    source = "poll";
    marks.learn(theirs);
    const ours = marks.upTo(since);
    const { count, highest } = theirs.upToSince;
    const differs = theirs.seq < since || (comparable && (count !== ours.count || highest !== ours.highest));
    // Where the two differ and cannot be brought together, what others invalidate may get lost as well.
    if (numbersSetBack || differs) await reconcile(store);
    knownAt = askedAt;
  }

  /** A failover or a FLUSHALL has set the store back: what is known here is put back, and nothing forgotten. */
  async function reconcile(shared: MarkStore): Promise<void> {
    const theirs = await shared.since(0);
    const { late, lost } = marks.difference(theirs);
    source = "poll";
    marks.learn(theirs);
    if (lost.floor > 0 || lost.marks.size > 0) await shared.restore(lost);
    // Entries made since may have a higher epoch than its number: it is invalidated again, by one above all.
    if (late.length > 0) await shared.mark(late, marks.epoch());
    marks.learn(await shared.since(0));
    numbersSetBack = false;
  }

  async function shared(scopes: readonly string[], at: MarkStore): Promise<News> {
    const news = await at.mark(scopes, marks.epoch());
    if (news !== undefined) return news;
    // The store has lost everything, or never had anything.
    await poll();
    const second = await at.mark(scopes, marks.epoch());
    if (second === undefined) throw new Error("the marks of invalidations are lost, and cannot be put back");
    return second;
  }

  /** A tenant whose share of the marks these would go beyond invalidates all it has. */
  function affordable(scopes: readonly string[]): readonly string[] {
    const [tenant] = scopes.map(tenantOfScope);
    const added = scopes.filter((scope) => !marks.has(scope)).length;
    if (tenant === undefined || added === 0) return scopes;
    const held = marks.countOf((other) => tenantOfScope(other) === tenant);
    return held + added <= maxMarksOfTenant ? scopes : [tenantScope(tenant)];
  }

  return {
    epoch: marks.epoch,
    isCurrent: (entry) => knowsEnough() && marks.isCurrent(entry),
    isCurrentHere: (entry) => (knowsEnough() || maxBlindMs === undefined) && marks.isCurrent(entry),
    async invalidate(asked) {
      const scopes = affordable(asked);
      const news =
        store === undefined
          ? { seq: Math.max(now() * 1000, marks.epoch() + 1), previous: marks.complete(), floor: 0, scopes }
          : await shared(scopes, store);
      hear(news, "request");
      return { sequence: news.seq, scopes };
    },
    hear: (news) => hear(news, "message"),
    poll,
    ageMs,
    markCount: marks.size,
  };
}
