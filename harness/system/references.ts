import { reference } from "./system.ts";

/** Names of the services and stores that a service's environment refers to: where its links lead. */
export function referredTo(env: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.values(env).flatMap((text) =>
    [...text.matchAll(reference)].map((match) => match[1] ?? ""),
  );
  return [...new Set(names)];
}
