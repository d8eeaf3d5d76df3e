import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { LogError } from "./log-error.ts";

const chunkBytes = 1024 * 1024;

/** A log as it lies on disk: plain, gzip or Zstandard, told by its first bytes whatever its name. */
export class LogFile {
  readonly path: string;
  readonly bytesTotal: number;
  /** Of the file as it is, compressed or not. */
  bytesRead = 0;
  readonly #compression: "gzip" | "zstandard" | undefined;

  private constructor(path: string, bytesTotal: number, compression: "gzip" | "zstandard" | undefined) {
    this.path = path;
    this.bytesTotal = bytesTotal;
    this.#compression = compression;
  }

  /** @throws LogError NO_SUCH_LOG */
  static async open(path: string): Promise<LogFile> {
    try {
      await using handle = await open(path);
      const magic = Buffer.alloc(4);
      await handle.read(magic, 0, 4, 0);
      const zstandard = magic.readUInt32LE(0) === 0xfd2fb528 || isSkippable(magic);
      const gzip = magic.readUInt16BE(0) === 0x1f8b;
      return new LogFile(path, (await stat(path)).size, zstandard ? "zstandard" : gzip ? "gzip" : undefined);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new LogError("NO_SUCH_LOG", `Cannot read log "${path}": ${reason}`, { cause: thrown });
    }
  }

  /** The log's content, decompressed. */
  async *content(): AsyncGenerator<Uint8Array> {
    if (this.#compression !== "zstandard") {
      yield* this.#from(0);
      return;
    }
    // Node's decompressor ends with the first frame. Files have more where they were compressed in parallel,
    // or appended to.
    for (let frame = 0; frame < this.bytesTotal; ) {
      const skippable = await this.#skippableBytes(frame);
      frame += skippable > 0 ? skippable : yield* this.#from(frame);
      this.bytesRead = frame;
    }
  }

  /** The length of the skippable frame at a position of the file (RFC 8878, 3.1.2), or 0: it is none. */
  async #skippableBytes(start: number): Promise<number> {
    await using handle = await open(this.path);
    const head = Buffer.alloc(8);
    const { bytesRead } = await handle.read(head, 0, 8, start);
    return bytesRead === 8 && isSkippable(head) ? 8 + head.readUInt32LE(4) : 0;
  }

  /** The content from a position of the file on. Returns how much of the file it took. */
  async *#from(start: number): AsyncGenerator<Uint8Array, number> {
    const file = createReadStream(this.path, { start, highWaterMark: chunkBytes });
    const options = { chunkSize: chunkBytes };
    const decompressor =
      this.#compression === "gzip"
        ? createGunzip(options)
        : this.#compression === "zstandard"
          ? createZstdDecompress(options)
          : undefined;
    try {
      // The loop over the result throws what goes wrong in the pipeline.
      const content = decompressor === undefined ? file : pipeline(file, decompressor, () => {});
      for await (const chunk of content) {
        this.bytesRead = start + (decompressor?.bytesWritten ?? file.bytesRead);
        const part: Uint8Array = chunk;
        yield part;
      }
      this.bytesRead = start + (decompressor?.bytesWritten ?? file.bytesRead);
      return decompressor?.bytesWritten ?? file.bytesRead;
    } finally {
      file.destroy();
      decompressor?.destroy();
    }
  }
}

function isSkippable(magic: Buffer): boolean {
  return magic.readUInt32LE(0) >>> 4 === 0x184d2a5;
}
