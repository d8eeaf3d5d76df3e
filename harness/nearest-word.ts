import { closestMatch } from "leven";

/** More words than this are not listed when none of them is near. */
const listedAtMost = 15;

/** The candidate that was probably meant by a mistyped word, or undefined where none is near enough. */
export function nearestWord(word: string, candidates: readonly string[]): string | undefined {
  const typed = word.toLowerCase();
  const maxDistance = typed.length < 5 ? 1 : Math.ceil(typed.length / 3);
  const lower = candidates.map((candidate) => candidate.toLowerCase());
  const isShortFor = (candidate: string) => typed.length > 1 && candidate.startsWith(typed);
  const near =
    closestMatch(typed, lower, { maxDistance }) ??
    lower.find((candidate) => isShortFor(candidate) || lettersOf(candidate) === lettersOf(typed));
  return near === undefined ? undefined : candidates[lower.indexOf(near)];
}

/** Two swapped letters are a distance of 2, which is too far for a short word. */
function lettersOf(word: string): string {
  return [...word].sort().join("");
}

/** What to write instead of an unknown word: `did you mean "pause-node"?`, or the list where none is near. */
export function wordsInstead(word: string, candidates: readonly string[]): string {
  const near = nearestWord(word, candidates);
  if (near !== undefined) return `did you mean "${near}"?`;
  if (candidates.length === 0) return "there is none";
  const listed = candidates.slice(0, listedAtMost).map((candidate) => `"${candidate}"`);
  const more = candidates.length - listed.length;
  return `there is ${listed.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
