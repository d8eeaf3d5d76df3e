/**
 * The same plain value with every typed array in shared memory, so that posting it to a thread copies nothing.
 * Arrays that are shared already stay as they are, and an array that occurs twice is copied once.
 */
export function shareArrays<T>(value: T): T {
  return shared(value, new Map()) as T;
}

function shared(value: unknown, done: Map<ArrayBufferView, ArrayBufferView>): unknown {
  if (Array.isArray(value)) return value.map((item) => shared(item, done));
  if (ArrayBuffer.isView(value)) {
    const copy = done.get(value) ?? sharedView(value);
    done.set(value, copy);
    return copy;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shared(item, done)]));
}

function sharedView(view: ArrayBufferView): ArrayBufferView {
  if (view.buffer instanceof SharedArrayBuffer) return view;
  const memory = new SharedArrayBuffer(view.byteLength);
  new Uint8Array(memory).set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  if (view instanceof Uint8Array) return new Uint8Array(memory);
  if (view instanceof Uint16Array) return new Uint16Array(memory);
  if (view instanceof Uint32Array) return new Uint32Array(memory);
  if (view instanceof Int32Array) return new Int32Array(memory);
  if (view instanceof Float32Array) return new Float32Array(memory);
  if (view instanceof Float64Array) return new Float64Array(memory);
  throw new TypeError(
    `Cannot share a "${view.constructor.name}" with threads: only arrays of plain numbers can be`,
  );
}
