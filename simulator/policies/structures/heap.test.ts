import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createHeap } from "./heap.ts";

test("the top is the smallest priority, then the smallest tie-breaker, whatever is set and deleted", () => {
  const steps = fc.array(
    fc.record({ id: fc.nat(9), priority: fc.integer({ min: -3, max: 3 }), remove: fc.boolean() }),
    { maxLength: 200, size: "max" },
  );
  fc.assert(
    fc.property(steps, (each) => {
      const heap = createHeap(10);
      const model = new Map<number, { priority: number; tie: number }>();
      for (const [tie, { id, priority, remove }] of each.entries()) {
        if (remove && model.delete(id)) heap.delete(id);
        else if (!remove) {
          heap.set(id, priority, tie);
          model.set(id, { priority, tie });
        }
        assert.equal(heap.length, model.size);
        assert.equal(heap.has(id), model.has(id));
        const [first] = [...model].sort(([, a], [, b]) => a.priority - b.priority || a.tie - b.tie);
        if (first !== undefined) assert.equal(heap.top(), first[0]);
      }
    }),
  );
});
