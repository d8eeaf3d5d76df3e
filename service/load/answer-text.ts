/** The text of a whole answer; undefined where the body is not one. */
export function completionText(body: string): string | undefined {
  return textOf(body, "message");
}

/** The text of a streamed answer; undefined where the stream tells an error or ends before its `[DONE]`. */
export function streamText(body: string): string | undefined {
  let text = "";
  for (const line of body.split("\n")) {
    if (!line.startsWith("data: ")) continue;
    const data = line.slice("data: ".length);
    if (data === "[DONE]") return text;
    const delta = textOf(data, "delta");
    if (delta === undefined) return undefined;
    text += delta;
  }
  return undefined;
}

interface Completion {
  readonly error?: unknown;
  readonly choices?: readonly Readonly<Record<string, { readonly content?: string | null } | undefined>>[];
}

function textOf(json: string, part: "message" | "delta"): string | undefined {
  try {
    const { error, choices } = JSON.parse(json) as Completion;
    if (error !== undefined || choices === undefined) return undefined;
    return choices[0]?.[part]?.content ?? "";
  } catch {
    return undefined;
  }
}
