export type DependencyName = "redis" | "model";

/** A dependency is gone and there is nothing to answer with instead. `cause` says how it failed. */
export class DependencyGone extends Error {
  override readonly name = "DependencyGone";
  readonly dependency: DependencyName;

  constructor(dependency: DependencyName, cause: unknown) {
    super(`${dependency} is not available: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.dependency = dependency;
  }
}
