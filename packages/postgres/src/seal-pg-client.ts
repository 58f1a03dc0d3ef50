import type { CheckSeal } from './orm-transaction.ts';

/**
 * A client of pg inside a library, sealed: once the seal is closed it takes one ROLLBACK, the library's own, and refuses
 * everything else, because after that the client may be somebody else's.
 */
export const sealPgClient = <Client extends object>(client: Client, check: CheckSeal): Client => {
  let over = false;
  return new Proxy(client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'query' || typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const text = textOf(args[0]);
        try {
          check();
        } catch (reason) {
          if (over || text !== 'rollback') throw reason;
        }
        over ||= text === 'rollback' || text === 'commit';
        return Reflect.apply(value, target, args);
      };
    },
  });
};

const textOf = (query: unknown): unknown =>
  typeof query === 'object' && query !== null && 'text' in query ? query.text : query;
