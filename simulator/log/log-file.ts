import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { LogError } from "./log-error.ts";

const chunkBytes = 1024 * 1024;

/** A log as it lies on disk: plain, gzip or Zstandard, told by its first bytes whatever its name. */
export class LogFile implements AsyncDisposable {
  readonly path: string;
  readonly bytesTotal: number;
  /** Of the file as it is, compressed or not. */
  bytesRead = 0;
  readonly #handle: FileHandle;
  readonly #compression: "gzip" | "zstandard" | undefined;
  /** Of a compressed log: its content, and what of it is not taken yet. */
  readonly #content: AsyncGenerator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  private constructor(
    path: string,
    handle: FileHandle,
    bytesTotal: number,
    compression: "gzip" | "zstandard" | undefined,
  ) {
    this.path = path;
    this.#handle = handle;
    this.bytesTotal = bytesTotal;
    this.#compression = compression;
    this.#content = this.#decompressed();
  }

  /** @throws LogError NO_SUCH_LOG */
  static async open(path: string): Promise<LogFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path);
      const magic = Buffer.alloc(4);
      await handle.read(magic, 0, 4, 0);
      const zstandard = magic.readUInt32LE(0) === 0xfd2fb528 || isSkippable(magic);
      const gzip = magic.readUInt16BE(0) === 0x1f8b;
      const { size } = await handle.stat();
      return new LogFile(path, handle, size, zstandard ? "zstandard" : gzip ? "gzip" : undefined);
    } catch (thrown) {
      await handle?.close();
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new LogError("NO_SUCH_LOG", `Cannot read log "${path}": ${reason}`, { cause: thrown });
    }
  }

  /** Reads the log's content, decompressed, into [from, to) of the bytes. Returns how many came; 0 at the log's end. */
  async read(into: Uint8Array, from: number, to: number): Promise<number> {
    if (this.#compression === undefined) {
      const { bytesRead } = await this.#handle.read(into, from, to - from, this.bytesRead);
      this.bytesRead += bytesRead;
      return bytesRead;
    }
    while (this.#rest.length === 0) {
      const { done, value } = await this.#content.next();
      if (done === true) return 0;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, to - from);
    into.set(part, from);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#content.return(undefined);
    await this.#handle.close();
  }

  async *#decompressed(): AsyncGenerator<Uint8Array> {
    if (this.#compression === "gzip") {
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
    const head = Buffer.alloc(8);
    const { bytesRead } = await this.#handle.read(head, 0, 8, start);
    return bytesRead === 8 && isSkippable(head) ? 8 + head.readUInt32LE(4) : 0;
  }

  /** The content from a position of the file on. Returns how much of the file it took. */
  async *#from(start: number): AsyncGenerator<Uint8Array, number> {
    const file = createReadStream(this.path, { start, highWaterMark: chunkBytes });
    const options = { chunkSize: chunkBytes };
    const decompressor = this.#compression === "gzip" ? createGunzip(options) : createZstdDecompress(options);
    try {
      // The loop over the result throws what goes wrong in the pipeline.
      for await (const chunk of pipeline(file, decompressor, () => {})) {
        this.bytesRead = start + decompressor.bytesWritten;
        const part: Uint8Array = chunk;
        yield part;
      }
      this.bytesRead = start + decompressor.bytesWritten;
      return decompressor.bytesWritten;
    } finally {
      file.destroy();
      decompressor.destroy();
    }
  }
}

function isSkippable(magic: Buffer): boolean {
  return magic.readUInt32LE(0) >>> 4 === 0x184d2a5;
}
