import type { Evaluation, EvaluationInput } from "../advice/evaluate.ts";
import { distributionOf } from "../latency/distribution.ts";
import type { RequestTimes } from "../latency/requests.ts";
import { type RequestLog, requestsIn } from "../log/log.ts";
import { tellExamples } from "../log/problems.ts";
import type { ReadReport } from "../log/read.ts";
import type { Simulation } from "../simulate.ts";
import type { Loss } from "../strategies/spec.ts";
import { firstCounted } from "../strategies/summary.ts";
import { duration } from "./figures.ts";
import type { Report, ReportedStrategy, ReportedTimes } from "./report.ts";

/** The report of a simulation: plain data, in which no request's text is. */
export function buildReport(
  simulation: Simulation,
  input: EvaluationInput,
  read: ReadReport,
  assumptions: readonly string[],
): Report {
  const { log, cost, warmupShare } = input;
  const { evaluations, advice, amountsBefore, amountsAfter, timesBefore, timesAfter, curve, failover } =
    simulation;
  const ids = new Map(evaluations.map((evaluation, id) => [evaluation, id]));
  const idOf = (evaluation: Evaluation | undefined) =>
    evaluation === undefined ? null : (ids.get(evaluation) ?? null);
  const from = firstCounted(log.rows, warmupShare);
  return {
    schema: "breakwater-simulation/1",
    log: describeLog(log, read),
    warmupShare,
    cost: cost.by,
    prices:
      cost.by === "api"
        ? {
            source: cost.pricing.source,
            date: cost.pricing.date,
            unpricedModels: [...cost.pricing.unpricedModels],
            unpricedRequests: cost.pricing.unpricedRequests,
          }
        : null,
    infrastructure: { ...input.infrastructure },
    assumptions: [...assumptions],
    strategies: evaluations.map(strategyOf),
    advice: {
      gainIs: advice.gainIs,
      front: advice.front.flatMap((evaluation) => ids.get(evaluation) ?? []),
      knee: idOf(advice.knee),
      recommended: idOf(advice.recommended),
      deployable: idOf(advice.deployable),
    },
    detail: {
      amountsBefore: amountsBefore ?? null,
      amountsAfter: amountsAfter ?? null,
      timesBefore: timesBefore === undefined ? null : timesOf(timesBefore, from),
      timesAfter: timesAfter === undefined ? null : timesOf(timesAfter, from),
    },
    curve:
      curve === undefined
        ? null
        : {
            sizes: [...curve.sizes],
            missRatio: [...curve.misses].map((misses) => misses / curve.requests),
            error: curve.error === undefined ? null : [...curve.error],
          },
    failover:
      failover === undefined
        ? null
        : {
            strategy: ids.get(failover.of) ?? 0,
            losses: failover.losses.map(describeLoss),
            extraMisses: failover.extraMisses,
            extraTokens: failover.extraTokens,
            extraUsd: failover.extraUsd ?? null,
            ninetyPercentWithinMs: known(failover.ninetyPercentWithinMs),
          },
  };
}

function describeLog(log: RequestLog, read: ReadReport): Report["log"] {
  const requests = requestsIn(log);
  return {
    name: log.name,
    format: read.guessed ? `${read.format}, guessed` : read.format,
    rows: log.rows,
    requests,
    invalidations: log.rows - requests,
    malformed: read.malformed,
    malformedExamples: tellExamples(read.malformedExamples),
    notes: { ...read.notes },
    columns: read.columns === undefined ? null : { ...read.columns },
    keys: log.keys,
    normalisedKeys: log.normalisedKeys,
    blocks: log.blocks?.blocks ?? null,
    spanMs: log.timeMs[log.rows - 1] ?? 0,
    models: log.models.filter((name) => name !== ""),
  };
}

function strategyOf({ spec, label, summary, memoryBytes, money }: Evaluation, id: number): ReportedStrategy {
  const { hitShare } = summary;
  return {
    id,
    label,
    spec: { ...spec },
    requests: summary.requests,
    l1Hits: summary.l1Hits,
    l2Hits: summary.l2Hits,
    joined: summary.joined,
    hitShareByRequest: known(hitShare.byRequest),
    hitShareByToken: known(hitShare.byToken),
    hitShareByByte: known(hitShare.byByte),
    reusedTokens: summary.reusedTokens,
    reusedBlocks: summary.reusedBlocks,
    blocks: summary.blocks,
    memoryBytes,
    ...(money === undefined
      ? {}
      : {
          usd: {
            before: money.before,
            after: money.after,
            saving: money.saving,
            cache: money.cache,
            netSaving: money.netSaving,
            breakEvenShare: { low: known(money.breakEvenShare.low), high: known(money.breakEvenShare.high) },
            breakEvenHitShare: {
              low: known(money.breakEvenHitShare.low),
              high: known(money.breakEvenHitShare.high),
            },
          },
          ...(money.gpu === undefined
            ? {}
            : {
                gpu: {
                  hoursBefore: known(money.gpu.beforeHours),
                  hoursAfter: money.gpu.afterHours,
                  enginesBefore: known(money.gpu.engines.before),
                  enginesAfter: {
                    low: known(money.gpu.engines.after.low),
                    high: known(money.gpu.engines.after.high),
                  },
                },
              }),
        }),
  };
}

function timesOf(
  { latencyMs, firstTokenMs, utilisation, drainMs }: RequestTimes,
  from: number,
): ReportedTimes {
  const figures = (times: Float32Array) => {
    const { percentilesMs, count, ...rest } = distributionOf(times, from);
    return {
      count,
      meanMs: known(rest.meanMs),
      p50Ms: known(rest.p50Ms),
      p95Ms: known(rest.p95Ms),
      p99Ms: known(rest.p99Ms),
      maxMs: known(rest.maxMs),
      percentilesMs: percentilesMs.map(known),
    };
  };
  return {
    latency: figures(latencyMs),
    ...(firstTokenMs === undefined ? {} : { firstToken: figures(firstTokenMs) }),
    ...(utilisation === undefined ? {} : { utilisation }),
    ...(drainMs === undefined ? {} : { drainMs }),
  };
}

function describeLoss({ what, node, shards, atMs, downMs }: Loss): string {
  const which = what === "all" ? "all" : what === "l1" ? `replica ${node}` : `shard ${node} of ${shards}`;
  return `${which} at ${duration(atMs)}${downMs === 0 ? "" : ` for ${duration(downMs)}`}`;
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
