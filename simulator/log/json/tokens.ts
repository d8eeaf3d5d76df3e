/*
 * JSON's tokens over bytes (RFC 8259). The memory holds whole lines: each ends with a line feed, which stands in
 * no token, so no other bound is checked; and 8 bytes more may be read after the last. `view` covers the same
 * memory as `bytes`. What is not a token is told by a negative result: ~index of the byte that is wrong.
 */

const deepest = 400;
const literals = [Buffer.from("true"), Buffer.from("false"), Buffer.from("null")];
const powersOfTen = Float64Array.from({ length: 16 }, (_, power) => 10 ** power);

export function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  let byte = bytes[at];
  while (byte === 0x20 || byte === 0x09 || byte === 0x0d) byte = bytes[++at];
  return at;
}

/** The first quote, backslash or control character from `from` on, four bytes a step. */
export function nextSpecial(view: DataView, from: number): number {
  for (let at = from; ; at += 4) {
    const word = view.getInt32(at, true);
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    const special =
      (((quotes - 0x01010101) & ~quotes) |
        ((backslashes - 0x01010101) & ~backslashes) |
        ((word - 0x20202020) & ~word)) &
      0x80808080;
    // A borrow spoils only the bytes above the first one found, so the lowest is right.
    if (special !== 0) return at + ((31 - Math.clz32(special & (0 - special))) >> 3);
  }
}

/** The closing quote of the string whose content starts at `from`. */
export function stringEnd(bytes: Uint8Array, view: DataView, from: number): number {
  let at = nextSpecial(view, from);
  while (bytes[at] === 0x5c) {
    const escaped = bytes[at + 1] ?? 0;
    if (escaped === 0x75) {
      for (let i = 2; i < 6; i++) if (!isHex(bytes[at + i] ?? 0)) return ~(at + i);
      at += 6;
    } else {
      if (!isEscape(escaped)) return ~(at + 1);
      at += 2;
    }
    at = nextSpecial(view, at);
  }
  return bytes[at] === 0x22 ? at : ~at;
}

/** The index after the digits at `from`; their value goes to out[slot], exact for up to 15 of them. */
export function integerEnd(view: DataView, from: number, out: Float64Array, slot: number): number {
  let value = 0;
  for (let at = from; ; at += 4) {
    // Four digits a step: are all bytes between 0x30 and 0x39? The lowest that is not is told rightly.
    const word = view.getInt32(at, true) ^ 0x30303030;
    const others = ((word + 0x76767676) | word) & 0x80808080;
    if (others === 0) {
      value = value * 10_000 + fourDigits(word);
      continue;
    }
    const rest = (31 - Math.clz32(others & (0 - others))) >> 3;
    if (rest > 0) value = value * (powersOfTen[rest] ?? 1) + fourDigits(word << (8 * (4 - rest)));
    out[slot] = value;
    return at + rest;
  }
}

/** The value of four bytes 0 to 9, the first the lowest of the word. */
function fourDigits(word: number): number {
  const pairs = (Math.imul(word, 10) + (word >>> 8)) & 0x00ff00ff;
  return (pairs & 0xff) * 100 + (pairs >>> 16);
}

/** The index after the number at `from`; its value goes to out[slot]. */
export function numberEnd(
  bytes: Uint8Array,
  _view: DataView,
  from: number,
  out: Float64Array,
  slot: number,
): number {
  let at = from;
  const negative = bytes[at] === 0x2d;
  if (negative) at++;
  const integerStart = at;
  let mantissa = 0;
  let digit = (bytes[at] ?? 0) - 0x30;
  while (digit >= 0 && digit <= 9) {
    mantissa = mantissa * 10 + digit;
    digit = (bytes[++at] ?? 0) - 0x30;
  }
  let digits = at - integerStart;
  if (digits === 0) return ~at;
  if (digits > 1 && bytes[integerStart] === 0x30) return ~(integerStart + 1);
  let decimals = 0;
  if (bytes[at] === 0x2e) {
    const fractionStart = ++at;
    digit = (bytes[at] ?? 0) - 0x30;
    while (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digit = (bytes[++at] ?? 0) - 0x30;
    }
    decimals = at - fractionStart;
    digits += decimals;
    if (decimals === 0) return ~at;
  }
  const exponent = bytes[at] === 0x65 || bytes[at] === 0x45;
  if (exponent) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
    const exponentStart = at;
    while (isDigit(bytes[at] ?? 0)) at++;
    if (at === exponentStart) return ~at;
  }
  if (digits > 15 || exponent) {
    out[slot] = Number(Buffer.from(bytes.subarray(from, at)).toString("latin1"));
    return at;
  }
  // Below 2^53 over a power of ten up to 10^22, one division is correctly rounded (Clinger 1990).
  if (decimals > 0) mantissa /= powersOfTen[decimals] ?? 1;
  out[slot] = negative ? -mantissa : mantissa;
  return at;
}

const nowhere = new Float64Array(1);

/** The index after the value at `from`, whatever it is. */
export function valueEnd(bytes: Uint8Array, view: DataView, from: number, depth = 0): number {
  const first = bytes[from] ?? 0;
  if (first === 0x22) {
    const end = stringEnd(bytes, view, from + 1);
    return end < 0 ? end : end + 1;
  }
  if (first === 0x2d || isDigit(first)) return numberEnd(bytes, view, from, nowhere, 0);
  if (first !== 0x7b && first !== 0x5b) return literalEnd(bytes, from);
  if (depth === deepest) return ~from;
  const close = first + 2;
  let at = afterSpace(bytes, from + 1);
  if (bytes[at] === close) return at + 1;
  for (;;) {
    if (first === 0x7b) {
      at = memberValue(bytes, view, at);
      if (at < 0) return at;
    }
    at = valueEnd(bytes, view, at, depth + 1);
    if (at < 0) return at;
    at = afterSpace(bytes, at);
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== 0x2c) return ~at;
    at = afterSpace(bytes, at + 1);
  }
}

/** Where the value of the member whose name starts at `from` starts. */
function memberValue(bytes: Uint8Array, view: DataView, from: number): number {
  if (bytes[from] !== 0x22) return ~from;
  const end = stringEnd(bytes, view, from + 1);
  if (end < 0) return end;
  const at = afterSpace(bytes, end + 1);
  return bytes[at] === 0x3a ? afterSpace(bytes, at + 1) : ~at;
}

function literalEnd(bytes: Uint8Array, from: number): number {
  for (const literal of literals) {
    if (bytes[from] !== literal[0]) continue;
    for (let i = 1; i < literal.length; i++) if (bytes[from + i] !== literal[i]) return ~(from + i);
    return from + literal.length;
  }
  return ~from;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

const escapes = new Set(Buffer.from('"\\/bfnrt'));

function isEscape(byte: number): boolean {
  return escapes.has(byte);
}
