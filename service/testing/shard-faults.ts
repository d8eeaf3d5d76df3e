import { setTimeout as delay } from "node:timers/promises";
import { promoted, type TestCluster, type TestNode, takeOver } from "./redis-cluster.ts";

/** A key, and a channel, of the first master's: the one that the faults below harm. */
export const harmedKey = "{3}";

export interface ShardFault {
  readonly name: string;
  /** Harms the first master of a cluster with replicas and a relay. */
  cause(cluster: TestCluster): Promise<void>;
  /** Resolves once its replica is the master. Where the cluster sees no fault, the replica is told to be. */
  promotion(cluster: TestCluster): Promise<void>;
}

/** The ways in which a master is gone that clients see differently. */
export const shardFaults: readonly ShardFault[] = [
  {
    name: "killed",
    cause: async (cluster) => first(cluster.nodes).signal("SIGKILL"),
    promotion: (cluster) => promoted(first(cluster.replicas)),
  },
  {
    name: "stopped",
    cause: async (cluster) => first(cluster.nodes).signal("SIGSTOP"),
    promotion: (cluster) => promoted(first(cluster.replicas)),
  },
  {
    name: "behind a silent link",
    cause: async ({ relay }) => relay?.silence(),
    promotion: orderedPromotion,
  },
  {
    name: "without an answer to a SYN",
    cause: async ({ relay }) => relay?.blackhole(),
    promotion: orderedPromotion,
  },
];

/** After the time that a failure detector would take. */
async function orderedPromotion(cluster: TestCluster): Promise<void> {
  await delay(2000);
  await takeOver(first(cluster.replicas));
}

function first(nodes: readonly TestNode[]): TestNode {
  const [node] = nodes;
  if (node === undefined) throw new Error("the cluster was started without replicas");
  return node;
}
