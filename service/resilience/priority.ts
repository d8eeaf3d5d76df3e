/** What a request says of its own weight: the lower it is, the sooner it is refused. */
export const priorities = ["low", "normal", "high"] as const;
export type Priority = (typeof priorities)[number];

/** The share of places that work of low priority may fill, together with the rest: what is above it is for others. */
export const lowShare = 0.7;

/** How many of so many places may be taken when the next is for this priority: all, or of low priority a part. */
export function placesFor(priority: Priority, places: number): number {
  // At least one: where there is a single place, low priority need not wait for a larger service.
  return priority === "low" ? Math.max(1, Math.floor(lowShare * places)) : places;
}
