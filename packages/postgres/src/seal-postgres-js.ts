import type { CheckSeal } from './orm-transaction.ts';

/** A query of postgres.js hands itself to its handler when somebody first waits for it, which may be much later. */
interface LazyQuery {
  handler: (query: LazyQuery) => unknown;
  reject(reason: unknown): void;
}

/** What of a handle runs something. */
const running: ReadonlySet<string | symbol> = new Set(['unsafe', 'file', 'notify', 'savepoint']);

/**
 * The handle of a postgres.js transaction, sealed: its connection goes back to the pool after the rollback and may be
 * somebody else's, so a query that is made, or first awaited, after the seal is closed must not reach it.
 */
export const sealPostgresJs = <Tx extends object>(tx: Tx, check: CheckSeal): Tx =>
  new Proxy(tx, {
    apply: (target, self, args: unknown[]) => sealQuery(Reflect.apply(target as () => unknown, self, args), check),
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || !running.has(name)) return value;
      return (...args: unknown[]) => {
        check();
        const sealedArgs = args.map((arg) => (typeof arg === 'function' ? sealCallback(arg, check) : arg));
        return sealQuery(Reflect.apply(value, target, sealedArgs), check);
      };
    },
  });

/** A savepoint's callback gets a handle of its own. */
const sealCallback =
  (callback: Function, check: CheckSeal) =>
  (inner: object): unknown =>
    callback(sealPostgresJs(inner, check));

const sealQuery = (result: unknown, check: CheckSeal): unknown => {
  if (!isLazyQuery(result)) return result;
  const { handler } = result;
  const sealed = (query: LazyQuery): unknown => {
    try {
      check();
    } catch (reason) {
      return query.reject(reason);
    }
    return handler(query);
  };
  result.handler = Object.assign(sealed, handler);
  return result;
};

const isLazyQuery = (value: unknown): value is LazyQuery =>
  typeof value === 'object' && value !== null && 'handler' in value && typeof value.handler === 'function';
