import { ApiError } from "./api-error.ts";

/** More would be a query language; and each is stored with the answer. */
const maxTags = 16;

/** As a tag may be written, in a request and in an invalidation. */
export const tagPattern = /^[\w.:/@-]{1,64}$/;

/**
 * The tags that an answer shall be stored with, from the header `x-cache-tags`: comma-separated.
 *
 * @throws ApiError 400
 */
export function cacheTags(header: string | string[] | undefined): readonly string[] {
  if (header === undefined) return [];
  const tags = [
    ...new Set(
      String(header)
        .split(",")
        .map((tag) => tag.trim()),
    ),
  ];
  const bad = tags.find((tag) => !tagPattern.test(tag));
  if (bad === undefined && tags.length <= maxTags) return tags;
  throw new ApiError(
    400,
    "invalid_cache_tags",
    `"x-cache-tags" takes at most ${maxTags} tags with a comma between them, each 1 to 64 of A-Z a-z 0-9 _ . : / @ -`,
    { param: "x-cache-tags" },
  );
}
