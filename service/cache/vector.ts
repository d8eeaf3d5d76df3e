/** How the components of a vector are kept. */
export type VectorForm = "float32" | "int8";

/** The largest int8; the lowest is not used, so that the scale is the same both ways. */
const int8Max = 127;

/**
 * An embedding as it is kept: what it gives out are copies, so that nobody can change what another is given.
 *
 * In int8 each component is a whole number from -127 to 127 times one scale of the whole vector: a quarter of the
 * bytes. The scale is such that the vector keeps its length. Its direction changes by an angle whose sine is at
 * most `m * sqrt(d) / 254`, with m the largest component of the vector of length 1 and d their number: each is off
 * by half a step of m / 127 at most. docs/caching-rules.md has what that comes to.
 */
export class Vector {
  readonly form: VectorForm;
  /** What the components are multiplied by; 1 in float32. */
  readonly scale: number;
  /** Little-endian. */
  readonly #bytes: Uint8Array;

  private constructor(form: VectorForm, scale: number, bytes: Uint8Array) {
    this.form = form;
    this.scale = scale;
    this.#bytes = bytes;
  }

  /** @param components finite numbers, at least one */
  static of(components: Float32Array, form: VectorForm): Vector {
    if (form === "float32") {
      const { buffer, byteOffset, byteLength } = components;
      return new Vector(form, 1, new Uint8Array(buffer, byteOffset, byteLength).slice());
    }
    const largest = components.reduce((max, component) => Math.max(max, Math.abs(component)), 0);
    const steps = Int8Array.from(components, (component) =>
      largest === 0 ? 0 : Math.round((component / largest) * int8Max),
    );
    const scale = largest === 0 ? 0 : lengthOf(components) / lengthOf(steps);
    return new Vector(form, scale, new Uint8Array(steps.buffer));
  }

  /** From what `form`, `scale` and `bytes()` were; the bytes are copied. Throws where they are no vector's. */
  static from(form: VectorForm, scale: number, bytes: Uint8Array): Vector {
    if (bytes.length === 0 || (form === "float32" && bytes.length % 4 !== 0)) {
      throw new RangeError(`Cannot read a vector of ${form} from ${bytes.length} bytes`);
    }
    // Not slice(): that of a Buffer is a view.
    return new Vector(form, scale, new Uint8Array(bytes));
  }

  bytes(): Uint8Array {
    return this.#bytes.slice();
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  get dimensions(): number {
    return this.form === "float32" ? this.#bytes.length / 4 : this.#bytes.length;
  }

  /** The components, to the precision of the form. */
  floats(): Float32Array {
    const copy = this.#bytes.slice();
    if (this.form === "float32") return new Float32Array(copy.buffer);
    return Float32Array.from(new Int8Array(copy.buffer), (step) => step * this.scale);
  }

  /** The components as float32, little-endian, in base64: as the OpenAI API has them on the wire. */
  base64(): string {
    const { buffer } = this.form === "float32" ? this.#bytes : this.floats();
    return Buffer.from(buffer).toString("base64");
  }
}

function lengthOf(components: Float32Array | Int8Array): number {
  let squares = 0;
  for (const component of components) squares += component * component;
  return Math.sqrt(squares);
}
