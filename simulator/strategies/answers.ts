import type { RequestLog } from "../log/log.ts";
import { rowKind } from "../log/log.ts";
import { nextUse } from "../policies/structures/next-use.ts";
import type { AnswerCache, AnswerInputs } from "./answer-cache.ts";
import type { ReplayContext } from "./replay-context.ts";
import { createSemantic } from "./semantic.ts";
import { createSingle } from "./single.ts";
import type { AnswersSpec, Loss } from "./spec.ts";
import { StrategyError } from "./strategy-error.ts";
import { createTiered } from "./tiered.ts";

/** @throws StrategyError */
export function createAnswers(
  log: RequestLog,
  spec: AnswersSpec,
  losses: readonly Loss[],
  context: ReplayContext,
): AnswerCache {
  refuseContradictions(spec, losses);
  const normalised = spec.match === "normalised";
  const key = normalised ? log.normalisedKey : log.key;
  const keys = normalised ? log.normalisedKeys : log.keys;
  const inputs: AnswerInputs = {
    log,
    spec,
    losses,
    key,
    keys,
    ofScope: scopes(log, key, keys),
    storeOptions: (tier) => ({
      tier,
      keys,
      ttlMs: spec.ttlMs,
      timeMs: log.timeMs,
      ...(normalised || log.keyHash === undefined ? {} : { hash: log.keyHash }),
      ...(tier.unit === "entries" ? {} : { weight: weights(log, tier.unit, key, keys) }),
      ...(tier.policy === "gdsf" ? { cost: costs(log, key, keys, context.missCost) } : {}),
      ...(tier.policy === "belady" ? { future: nextUse(requestedKeys(log, key), keys) } : {}),
    }),
  };
  if (spec.match === "semantic") return createSemantic(inputs, context);
  return spec.tiers.length === 2 || spec.replicas > 1 ? createTiered(inputs) : createSingle(inputs);
}

function refuseContradictions(
  { match, tiers, replicas, semantic }: AnswersSpec,
  losses: readonly Loss[],
): void {
  const refuse = (what: string, hint: string) => {
    throw new StrategyError("NOT_COMBINABLE", what, hint);
  };
  if (match === "semantic" && (tiers.length === 2 || replicas > 1)) {
    refuse("Cannot replay a semantic cache in tiers", "Give it one tier and one replica.");
  }
  if ((match === "semantic") !== (semantic !== undefined)) {
    refuse(
      `Cannot replay a cache that matches "${match}" ${semantic === undefined ? "without" : "with"} semantic settings`,
      'Settings under "semantic" belong to match "semantic", and it needs them.',
    );
  }
  const plain = match !== "semantic" && tiers.length === 1 && replicas === 1;
  if (
    tiers.some(({ policy }) => policy === "belady") &&
    !(plain && losses.every(({ downMs }) => downMs === 0))
  ) {
    refuse(
      'Cannot replay "belady" in tiers, on replicas, with similarity or with a node away',
      "It must see every request: take it as the bound of a single exact cache.",
    );
  }
  if (losses.some(({ what }) => what === "l2") && tiers.length === 1 && replicas > 1) {
    refuse("Cannot lose a node of L2: the strategy has L1s alone", 'Lose "l1" or "all".');
  }
  if (losses.some(({ what, node }) => what === "l1" && node >= replicas)) {
    refuse(`Cannot lose a replica that is not there: the strategy has ${replicas}`, "Replicas count from 0.");
  }
}

/** Weight of each key: that of the first request for it whose size is known; 1 where none is. Size changes later in the log are not followed. */
function weights(log: RequestLog, unit: "bytes" | "tokens", key: Uint32Array, keys: number): Uint32Array {
  const weight = new Uint32Array(keys);
  let known = false;
  for (let row = 0; row < log.rows; row++) {
    const of = key[row] as number;
    if (weight[of] !== 0 || !isRequest(log, row)) continue;
    const size =
      unit === "bytes"
        ? (log.bytes[row] as number)
        : (log.promptTokens[row] as number) + (log.outputTokens[row] as number);
    known ||= size > 0;
    weight[of] = size;
  }
  if (known) return weight.map((size) => Math.max(1, size));
  throw new StrategyError(
    "NOT_IN_LOG",
    `Cannot count capacity in ${unit}: log "${log.name}" has none`,
    'Count capacity in "entries".',
  );
}

/** What a miss of each key costs, from the first row that asks for it. */
function costs(
  log: RequestLog,
  key: Uint32Array,
  keys: number,
  missCost: Float64Array | undefined,
): Float64Array {
  const cost = new Float64Array(keys);
  for (let row = 0; row < log.rows; row++) {
    const of = key[row] as number;
    if (cost[of] !== 0 || !isRequest(log, row)) continue;
    cost[of] =
      missCost?.[row] ?? Math.max(1, (log.promptTokens[row] as number) + (log.outputTokens[row] as number));
  }
  return cost;
}

function scopes(log: RequestLog, key: Uint32Array, keys: number): AnswerInputs["ofScope"] {
  const { keyScope } = log;
  if (keyScope === undefined) return () => () => true;
  let scopeOf: Uint32Array | undefined;
  return (row) => {
    if (scopeOf === undefined) {
      scopeOf = new Uint32Array(keys);
      for (let at = 0; at < log.rows; at++)
        scopeOf[key[at] as number] = keyScope[log.key[at] as number] as number;
    }
    const known = scopeOf;
    const scope = keyScope[log.key[row] as number];
    return (of) => known[of] === scope;
  };
}

function isRequest({ kind }: RequestLog, row: number): boolean {
  return kind === undefined || kind[row] === rowKind.request;
}

function requestedKeys({ kind, rows }: RequestLog, key: Uint32Array): Uint32Array {
  if (kind === undefined) return key.subarray(0, rows);
  return key.subarray(0, rows).filter((_, row) => kind[row] === rowKind.request);
}
