import { sha256 } from "k6/crypto";

/** What the load says of an answer. */
export type Verdict = "right" | "wrong" | "foreign" | "stale";

/** What must hold of every answer. */
export interface Truth {
  readonly model: string;
  readonly modelVersion: string;
  /** How old an answer may be, from when the model made it. */
  readonly maxAgeMs: number;
}

const words =
  "anchor beacon current drift ebb fathom gale harbour inlet jetty keel lagoon mooring night offing pier".split(
    " ",
  );

/**
 * The answer that the model server gives to a single user message without `max_tokens`.
 *
 * Written from the server's published definition, not shared with it: `digest` is the SHA-256, in hexadecimal, of
 * the JSON text of `[model, version, [["user", text]]]`. The answer is `Answer`, the digest's digits 0 to 15, and
 * words of a fixed list of sixteen, chosen by the digits from 18 on. It has 8 + (digits 16 and 17) mod 17 parts in
 * all, one space between them.
 */
export function rightAnswer({ model, modelVersion }: Truth, question: string): string {
  const digest = sha256(JSON.stringify([model, modelVersion, [["user", question]]]), "hex");
  const parts = 8 + (Number.parseInt(digest.slice(16, 18), 16) % 17);
  let answer = `Answer ${digest.slice(0, 16)}`;
  for (let part = 2; part < parts; part += 1) {
    answer += ` ${words[Number.parseInt(digest.charAt(16 + part), 16)]}`;
  }
  return answer;
}

/**
 * Judges one answer; the graver finding wins. `foreign`: it was made for another tenant than the one
 * who asked. `wrong`: the text is not
 * the right one, or nothing tells where it comes from. `stale`: it was made too long ago.
 */
export function judge(
  truth: Truth,
  asker: string,
  question: string,
  text: string | undefined,
  provenance: string | undefined,
  nowMs: number,
): Verdict {
  const [, tenant, madeAt] =
    /^tenant=([^;]*);epoch=\d+;generation=\d+;at=(\d+)$/.exec(provenance ?? "") ?? [];
  if (tenant !== undefined && tenant !== asker) return "foreign";
  if (madeAt === undefined || text !== rightAnswer(truth, question)) return "wrong";
  return nowMs - Number(madeAt) > truth.maxAgeMs ? "stale" : "right";
}
