import assert from "node:assert/strict";
import { test } from "node:test";
import { lowShare, placesFor } from "./priority.ts";

test("low priority has whole places, never more than its share, and never none where there is one", () => {
  for (let places = 1; places <= 200; places++) {
    assert.equal(placesFor("normal", places), places);
    assert.equal(placesFor("high", places), places);
    const low = placesFor("low", places);
    assert(Number.isInteger(low) && low >= 1, `${low} of ${places}`);
    if (places > 1) assert(low <= lowShare * places && low > lowShare * places - 1, `${low} of ${places}`);
  }
});
