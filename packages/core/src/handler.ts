import type { Delivery } from './delivery.ts';
import { type PolicyLike, toPolicy } from './policy.ts';

/** What runs for a delivery. It returns for success and throws for failure. */
export type Handler<D extends Delivery = Delivery> = (delivery: D) => Promise<void>;

/**
 * Wraps a handler. It may call `next` never, once or several times. `Added` is what it adds to the delivery for the
 * handlers inside it, `Needs` what a middleware outside it must have added.
 */
export type Middleware<Added extends object = {}, Needs extends object = {}> = (<D extends Delivery & Needs>(
  next: Handler<D & Added>,
) => Handler<D>) & { readonly '~needs'?: (needs: Needs) => void };

/** A policy as a middleware: every run of the handler goes through it, with the policy's signal in the delivery. */
export const guardHandler = (policy: PolicyLike): Middleware => {
  const guard = toPolicy(policy);
  return (next) => (delivery) => guard((signal) => next({ ...delivery, signal }), delivery.signal);
};
