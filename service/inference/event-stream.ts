/**
 * The `data` of each server-sent event in a body, in order. Other fields (event, id, retry, comments) are
 * skipped: chat completions do not use them.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* eventData(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let line = "";
  let data: string[] = [];
  for await (const bytes of body) {
    // Each piece is searched once: a long line that comes in many would else be searched again with each of them.
    const [end = "", ...more] = decoder.decode(bytes, { stream: true }).split("\n");
    line += end;
    for (const next of more) {
      const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
      line = next;
      if (whole.startsWith("data:")) data.push(whole.slice(whole.startsWith("data: ") ? 6 : 5));
      else if (whole === "" && data.length > 0) {
        yield data.join("\n");
        data = [];
      }
    }
  }
}
