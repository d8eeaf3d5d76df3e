/** Thrown by a reader of lines that stand alone, at a line that does not: it looks back at all that came before. */
export class LooksBack extends Error {
  override readonly name = "LooksBack";
}
