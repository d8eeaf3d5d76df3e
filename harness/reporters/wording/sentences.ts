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

/** When the failure was first seen and when service was back. */
export function outageSentence({
  firstFailureMs,
  backMs,
  failedRequests,
}: NonNullable<Verdict["outage"]>): string {
  if (firstFailureMs === undefined) return "no request failed from the first fault on";
  const back = backMs === undefined ? "requests still failed at the end" : `service back after ${ms(backMs)}`;
  return `first failure ${ms(firstFailureMs)} after the fault was requested; ${back}; ${failedRequests} requests failed`;
}

export function loadSentence({ planned, sampled, dropped, lost, failed }: Verdict["load"]): string {
  return `${sampled} of ${planned} planned requests were sampled (${dropped} dropped, ${lost} lost), ${failed} failed`;
}

/** What was sent beside the measured requests. */
export function extraLoadSentence({ askedPerS, perS }: NonNullable<Verdict["extraLoad"]>): string {
  const sent = Object.entries(perS).map(([phase, rate]) => `${rate}/s during ${phase}`);
  return `${sent.join(", ")} beside the measured requests; at least ${askedPerS}/s were asked for`;
}

function saw(fault: JudgedFault): string {
  return fault.saw === "" ? "" : ` (${fault.saw})`;
}

function ms(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(2)} s`;
}
