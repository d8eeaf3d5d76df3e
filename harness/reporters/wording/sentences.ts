import type { JudgedFault, Verdict } from "../../verdict/verdict.ts";

/** When it was in force, what the evidence saw, how long healing took, and how many requests it met. */
export function faultSentence(fault: JudgedFault): string {
  const { requestedMs, provenMs, healRequestedMs, healedMs } = fault;
  if (requestedMs === undefined) return "never began";
  if (provenMs === undefined) return `not proven to be in force${saw(fault)}`;
  const parts = [`in force ${ms(provenMs - requestedMs)} after its request${saw(fault)}`];
  if (healRequestedMs !== undefined) {
    parts.push(`it lasted ${ms(healRequestedMs - provenMs)}`);
    parts.push(
      healedMs === undefined
        ? "not proven to be healed"
        : `healed ${ms(healedMs - healRequestedMs)} after that was requested`,
    );
  }
  parts.push(`${fault.requestsDuring} requests began in it`);
  return parts.join("; ");
}

/** How many requests failed from the first fault on, and between which times. It does not say that service was out. */
export function outageSentence({
  firstFailureMs,
  backMs,
  failedRequests,
}: NonNullable<Verdict["outage"]>): string {
  if (firstFailureMs === undefined) return "no request failed from the first fault on";
  const last = backMs === undefined ? "some still in the last second" : `none from ${ms(backMs)} on`;
  return `${failedRequests} requests failed from the first fault on, the first ${ms(firstFailureMs)} after it was requested, ${last}`;
}

export function loadSentence({ planned, sampled, dropped, lost, failed }: Verdict["load"]): string {
  return `${sampled} of ${planned} planned requests were sampled (${dropped} dropped, ${lost} lost), ${failed} failed`;
}

/** What was sent beside the measured requests. */
export function extraLoadSentence({ askedPerS, perS }: NonNullable<Verdict["extraLoad"]>): string {
  const sent = Object.entries(perS).map(([phase, rate]) => `${rate}/s during ${phase}`);
  return `${sent.join(", ")} beside the measured requests; at least ${Math.round(askedPerS * 100) / 100}/s were asked for`;
}

/** In which way requests failed: `fault: 12 (10 status 503, 2 error 1212)`. */
export function failuresSentence({ phase, failed, causes }: Verdict["failures"][number]): string {
  const by = causes.map(({ cause, count }) => `${count} ${cause}`).join(", ");
  return `${phase === "" ? "before the first phase" : `during ${phase}`}: ${failed} (${by})`;
}

function saw(fault: JudgedFault): string {
  return fault.saw === "" ? "" : ` (${fault.saw})`;
}

function ms(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;
}
