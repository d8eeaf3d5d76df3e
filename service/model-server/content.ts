import { createHash } from "node:crypto";

/** A message of a conversation, its text parts joined. */
export interface Message {
  readonly role: string;
  readonly text: string;
}

/** The sixteen words that an answer is filled up with: one for each hexadecimal digit. */
const words = [
  ..."anchor beacon current drift ebb fathom gale harbour inlet jetty keel lagoon mooring night offing pier".split(
    " ",
  ),
];

/**
 * The answer, as the tokens that the engine makes one after another; joined, they are its text.
 *
 * Part of this server's contract, so that a client can tell a right answer from a wrong one:
 * - `digest` is the SHA-256, in hexadecimal, of the UTF-8 JSON text without white space of
 *   `[model, version, [[role, text], …]]`, over all messages in order.
 * - The first token is `Answer`, the second a space and the digest's digits 0 to 15.
 * - There are 8 + (digits 16 and 17 as a number) mod 17 tokens: 8 to 24. Each token from the third on is a space
 *   and one of the sixteen words, chosen by the digit 18, 19, ….
 * - A smaller `max_tokens` cuts the tokens off.
 */
export function answerTokens(model: string, version: string, messages: readonly Message[]): string[] {
  const conversation = messages.map(({ role, text }) => [role, text]);
  const digest = createHash("sha256")
    .update(JSON.stringify([model, version, conversation]))
    .digest("hex");
  const count = 8 + (Number.parseInt(digest.slice(16, 18), 16) % 17);
  const filler = Array.from({ length: count - 2 }, (_, index) => {
    const digit = Number.parseInt(digest.charAt(18 + index), 16);
    return ` ${words[digit]}`;
  });
  return ["Answer", ` ${digest.slice(0, 16)}`, ...filler];
}

/** A count that depends on the text alone; about four characters make a token. */
export function promptTokens(messages: readonly Message[]): number {
  const characters = messages.reduce((sum, { text }) => sum + text.length, 0);
  return Math.max(1, Math.ceil(characters / 4));
}
