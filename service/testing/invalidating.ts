import { eventually } from "./redis-cluster.ts";
import { type Reply, requestFor, type ServiceUnderTest } from "./service-under-test.ts";

type Headers = Readonly<Record<string, string>>;

export interface InvalidateReply {
  readonly status: number;
  readonly retryAfter: string | null;
  /** Of a 200. */
  readonly sequence: number;
  readonly scopes: readonly string[];
  readonly code: string | undefined;
  readonly text: string;
}

/** POST /v1/cache/invalidate. */
export async function invalidate(
  { url }: Pick<ServiceUnderTest, "url">,
  body: unknown,
  headers: Headers = {},
): Promise<InvalidateReply> {
  const response = await fetch(`${url}/v1/cache/invalidate`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const { sequence, scopes, error } = JSON.parse(text);
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    sequence,
    scopes,
    code: error?.code,
    text,
  };
}

/** Asks one question with headers. */
export function askWith(service: ServiceUnderTest, question: string, headers: Headers = {}): Promise<Reply> {
  return service.post(JSON.stringify(requestFor(question)), headers);
}

/** Asks until the answer is a hit: then it is stored. @returns that hit */
export async function askUntilHit(
  service: ServiceUnderTest,
  question: string,
  headers: Headers = {},
): Promise<Reply> {
  let reply = await askWith(service, question, headers);
  await eventually(async () => {
    reply = await askWith(service, question, headers);
    return reply.cache === "hit";
  });
  return reply;
}

/** Waits until a replica knows of an invalidation. */
export async function knows(service: ServiceUnderTest, sequence: number): Promise<void> {
  await eventually(async () => (await service.metric("invalidation_sequence")) >= sequence);
}
