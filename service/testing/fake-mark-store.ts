import type { MarkStore } from "../invalidation/mark-store.ts";
import type { Knowledge, News } from "../invalidation/marks.ts";

export interface FakeStore {
  readonly marks: Map<string, number>;
  floor: number;
  down: boolean;
  /** What each reply waits for. */
  held: Promise<void>;
  readonly asked: string[];
  underWay: number;
  most: number;
  top(): number;
  readonly store: MarkStore;
}

/** A store in memory that can be ill, slow and set back, and tells what it was asked. */
export function fakeStore(): FakeStore {
  const marks = new Map<string, number>();
  const fake: FakeStore = {
    marks,
    floor: 1,
    down: false,
    held: Promise.resolve(),
    asked: [],
    underWay: 0,
    most: 0,
    top: (): number => Math.max(fake.floor, ...marks.values()),
    store: {
      since: (since) =>
        reply(`since ${since}`, () => {
          const upTo = [...marks.values(), ...(fake.floor > 0 ? [fake.floor] : [])].filter((n) => n <= since);
          return {
            ...{ seq: fake.top(), floor: fake.floor },
            marks: new Map([...marks].filter(([, number]) => number > since)),
            upToSince: {
              count: [...marks.values()].filter((number) => number <= since).length,
              highest: Math.max(0, ...upTo),
            },
          };
        }),
      begin: (epoch) =>
        reply(`begin ${epoch}`, () => {
          fake.floor = epoch + 1;
        }),
      mark: (scopes, epoch) =>
        reply(`mark ${scopes.join()} ${epoch}`, (): News | undefined => {
          const previous = fake.top();
          if (previous === 0) return undefined;
          const seq = Math.max(previous, epoch) + 1;
          for (const scope of scopes) marks.set(scope, seq);
          return { seq, previous, floor: fake.floor, scopes };
        }),
      restore: (lost: Knowledge) =>
        reply(`restore ${[...lost.marks.keys()].join()} ${lost.seq}`, () => {
          const seq = Math.max(fake.top(), lost.seq) + 1;
          fake.floor = Math.max(fake.floor, lost.floor);
          for (const scope of lost.marks.keys()) marks.set(scope, seq);
        }),
    },
  };
  async function reply<T>(what: string, act: () => T): Promise<T> {
    fake.asked.push(what);
    fake.most = Math.max(fake.most, ++fake.underWay);
    try {
      if (fake.down) throw new Error("the store is away");
      const value = act();
      await fake.held;
      return value;
    } finally {
      fake.underWay--;
    }
  }
  return fake;
}
