const isoLike =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?\s*(?:Z|UTC|([+-])(\d\d):?(\d\d))?$/;

/** Unix milliseconds of a date (UTC where it names no zone) or of a number's digits, or NaN. */
export function timeOfText(text: string): number {
  const match = isoLike.exec(text);
  if (match === null) {
    const number = Number(text);
    return text.trim() === "" ? Number.NaN : timeOfNumber(number);
  }
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = 0, sign, zoneHour, zoneMinute] =
    match;
  if (!isDate(+(year ?? 0), +(month ?? 1), +(day ?? 1))) return Number.NaN;
  if (+hour > 23 || +minute > 59 || +second > 60) return Number.NaN;
  const wholeMs = Date.UTC(+(year ?? 0), +(month ?? 1) - 1, +(day ?? 1), +hour, +minute, +second);
  const zoneMinutes = 60 * +(zoneHour ?? 0) + +(zoneMinute ?? 0);
  return wholeMs + 1000 * +fraction - (sign === "-" ? -1 : 1) * 60_000 * zoneMinutes;
}

/** Unix milliseconds of a number of seconds, milliseconds, microseconds or nanoseconds, by its size; NaN below zero. */
export function timeOfNumber(value: number): number {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return Number.NaN;
  if (value < 1e11) return 1000 * value;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}

/** Unix milliseconds of a date as text or number, or NaN. */
export function timeOf(value: unknown): number {
  if (typeof value === "number") return timeOfNumber(value);
  return typeof value === "string" ? timeOfText(value) : Number.NaN;
}

/** As timeOfText for bytes, quick for 2026-11-23T06:20:11.123Z. */
export function timeOfBytes(bytes: Uint8Array, from: number, to: number): number {
  if (to - from === 24 && bytes[to - 1] === 0x5a && bytes[from + 10] === 0x54 && bytes[from + 19] === 0x2e) {
    const two = (at: number): number => 10 * digit(bytes, from + at) + digit(bytes, from + at + 1);
    const timeMs =
      86_400_000 * dayNumber(100 * two(0) + two(2), two(5), two(8)) +
      3_600_000 * two(11) +
      60_000 * two(14) +
      1000 * two(17) +
      10 * two(20) +
      digit(bytes, from + 22);
    const possible = isDate(100 * two(0) + two(2), two(5), two(8)) && two(11) < 24 && two(14) < 60;
    if (possible && two(17) < 60 && !Number.isNaN(timeMs)) return timeMs;
  }
  return timeOfText(Buffer.from(bytes.subarray(from, to)).toString("latin1"));
}

function isDate(year: number, month: number, day: number): boolean {
  if (!(month >= 1 && month <= 12 && day >= 1)) return false;
  return day <= 28 || day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function digit(bytes: Uint8Array, at: number): number {
  const value = (bytes[at] ?? 0) - 0x30;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}

/** Days since 1970-01-01 of a Gregorian date (Howard Hinnant's days_from_civil). */
function dayNumber(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - 400 * era;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return 146_097 * era + dayOfEra - 719_468;
}
