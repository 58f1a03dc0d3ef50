import type { PgClient, PgResult, PgStatement } from './pg-client.ts';

/**
 * Sends a statement. By callback: what `pg` gives back as a promise V8 does not let go before its next full collection, so
 * that a loop of large results takes a sixth of its time for collecting garbage.
 */
export const askPg = async (client: PgClient, statement: PgStatement): Promise<PgResult> => {
  try {
    return await new Promise((resolve, reject) => {
      const promised = client.query(statement, (error, result) => (error ? reject(error) : resolve(result)));
      // What stands before the client may know promises only.
      if (isPromise(promised)) promised.then((result) => result && resolve(result), reject);
    });
  } catch (error) {
    // As pg does: else it would lead to where the socket was read, not to who has asked.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
};

const isPromise = (value: unknown): value is Promise<PgResult | undefined> =>
  typeof value === 'object' && value !== null && 'then' in value;
