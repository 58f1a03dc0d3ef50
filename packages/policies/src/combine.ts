import type { Policy } from '@holdfast/core';

/** Joins policies into one: the first listed is outermost. */
export const combine = (...policies: readonly Policy[]): Policy =>
  policies.length === 0 ? direct : policies.reduceRight((inner, outer) => nest(outer, inner));

const direct: Policy = (operation, signal) => operation(signal);

const nest =
  (outer: Policy, inner: Policy): Policy =>
  (operation, signal) =>
    outer((outerSignal) => inner(operation, outerSignal), signal);
