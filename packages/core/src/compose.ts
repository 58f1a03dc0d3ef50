import type { Delivery } from './delivery.ts';
import type { Handler, Middleware } from './handler.ts';

/** Joins middleware: the first listed is outermost. A middleware that needs what no earlier one adds is a type error. */
export function compose(): Middleware;
export function compose<A extends object>(a: Middleware<A>): Middleware<A>;
export function compose<A extends object, B extends object>(
  a: Middleware<A>,
  b: Middleware<B, NoInfer<A>>,
): Middleware<A & B>;
export function compose<A extends object, B extends object, C extends object>(
  a: Middleware<A>,
  b: Middleware<B, NoInfer<A>>,
  c: Middleware<C, NoInfer<A & B>>,
): Middleware<A & B & C>;
export function compose<A extends object, B extends object, C extends object, D extends object>(
  a: Middleware<A>,
  b: Middleware<B, NoInfer<A>>,
  c: Middleware<C, NoInfer<A & B>>,
  d: Middleware<D, NoInfer<A & B & C>>,
): Middleware<A & B & C & D>;
export function compose<A extends object, B extends object, C extends object, D extends object, E extends object>(
  a: Middleware<A>,
  b: Middleware<B, NoInfer<A>>,
  c: Middleware<C, NoInfer<A & B>>,
  d: Middleware<D, NoInfer<A & B & C>>,
  e: Middleware<E, NoInfer<A & B & C & D>>,
): Middleware<A & B & C & D & E>;
export function compose(...middleware: readonly Middleware[]): Middleware {
  return (<D extends Delivery>(next: Handler<D>): Handler<D> =>
    middleware.reduceRight<Handler<D>>((inner, wrap) => wrap(inner), next)) as Middleware;
}
