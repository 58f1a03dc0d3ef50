import { NoLeaderError } from './errors.ts';
import type { Library } from './platformatic-library.ts';

/** What of the protocol's names the library has in their newer form, and the rest of the adapter in the older. */
const olderNames: ReadonlyMap<string, string> = new Map([
  ['NOT_LEADER_OR_FOLLOWER', 'NOT_LEADER_FOR_PARTITION'],
  ['COORDINATOR_LOAD_IN_PROGRESS', 'GROUP_LOAD_IN_PROGRESS'],
  ['COORDINATOR_NOT_AVAILABLE', 'GROUP_COORDINATOR_NOT_AVAILABLE'],
  ['NOT_COORDINATOR', 'NOT_COORDINATOR_FOR_GROUP'],
]);

/** What stands for several errors has them in a list, and what an error comes of is its cause. */
const within = (error: unknown): readonly unknown[] => {
  if (typeof error !== 'object' || error === null) return [];
  const listed = 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  const cause = 'cause' in error ? [error.cause] : [];
  return [error, ...[...listed, ...cause].flatMap(within)];
};

const textIn = (error: unknown, name: string): string | undefined => {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
  return typeof value === 'string' ? value : undefined;
};

/** The protocol's name of the first error in it that a broker answered with. */
export const platformaticCodeOf = (error: unknown): string | undefined => {
  if (error instanceof NoLeaderError) return error.type;
  for (const one of within(error)) {
    const name = textIn(one, 'apiId');
    if (name !== undefined) return olderNames.get(name) ?? name;
  }
  return undefined;
};

/**
 * Whether a connection failed because the broker, or our side of the exchange, turned the credentials down. The library says so too when
 * the connection ended during the exchange; then they may be right.
 */
export const isRefusedLogin = (error: unknown): boolean =>
  within(error).some((one) => {
    if (textIn(one, 'apiId')?.includes('SASL')) return true;
    return textIn(one, 'code') === 'PLT_KFK_AUTHENTICATION' && !within(one).some(isOfConnection);
  });

const isOfConnection = (error: unknown): boolean =>
  ['PLT_KFK_NETWORK', 'PLT_KFK_TIMEOUT'].includes(textIn(error, 'code') ?? '');

/** The one that says most: what it all comes of. */
export const firstCause = (error: unknown): unknown => within(error).at(-1) ?? error;

/** What a code in an answer stands for; undefined where it stands for no error. */
export const errorOf = ({ ProtocolError, protocolErrorsCodesById }: Library, code: number): unknown => {
  if (code === 0) return undefined;
  return code in protocolErrorsCodesById ? new ProtocolError(code) : new Error(`Kafka answered with error ${code}`);
};

/** An answer in which parts are refused, as an answer: the library throws it away with its errors, each part of it has its code. */
export const withRefusals = async <Answer>(asked: Promise<Answer>): Promise<Answer> => {
  try {
    return await asked;
  } catch (error) {
    // The library made the answer before it threw the error that holds it.
    if (typeof error === 'object' && error !== null && 'response' in error) return error.response as Answer;
    throw error;
  }
};
