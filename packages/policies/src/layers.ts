import { type Policy, type PolicyLike, toPolicy } from '@holdfast/core';
import { type Again, frame } from './frame.ts';
import type { Guard } from './guard.ts';

/** What a policy is made of, outermost first. */
export type Layer =
  | { readonly kind: 'guard'; readonly guard: Guard }
  | { readonly kind: 'retry'; readonly again: Again }
  | { readonly kind: 'foreign'; readonly policy: Policy };

const layers: unique symbol = Symbol('holdfast.layers');
type Layered = Policy & { readonly [layers]?: readonly Layer[] };

/** The layers of one of our policies; anybody else's is one layer. */
export const layersOf = (policy: PolicyLike): readonly Layer[] => {
  const own: Layered = toPolicy(policy);
  return own[layers] ?? [{ kind: 'foreign', policy: own }];
};

/** A policy of these layers. A retry and the guards inside of it, down to the next retry, share one async frame. */
export const policyOf = (parts: readonly Layer[]): Policy => Object.assign(compile(parts), { [layers]: parts });

export const guardPolicy = (guard: Guard): Policy => policyOf([{ kind: 'guard', guard }]);

const compile = (parts: readonly Layer[]): Policy => {
  let inner: Policy | undefined;
  let guards: Guard[] = [];
  const close = (outer: Policy): void => {
    inner = inner === undefined ? outer : nest(outer, inner);
    guards = [];
  };
  for (const part of parts.toReversed()) {
    switch (part.kind) {
      case 'guard':
        guards.unshift(part.guard);
        break;
      case 'retry':
        close(frame(guards, part.again));
        break;
      case 'foreign':
        if (guards.length > 0) close(frame(guards, undefined));
        close(part.policy);
        break;
    }
  }
  if (guards.length > 0) close(frame(guards, undefined));
  return inner ?? direct;
};

const nest =
  (outer: Policy, inner: Policy): Policy =>
  (operation, signal) =>
    outer((outerSignal) => inner(operation, outerSignal), signal);

const direct: Policy = (operation, signal) => operation(signal);
