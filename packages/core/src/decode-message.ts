import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Contract, OutputOf } from './contract.ts';
import { describeIssues } from './encode-message.ts';
import { HoldfastError } from './errors.ts';
import { headerNames } from './headers.ts';
import type { Message } from './message.ts';

/** A body that cannot be made the payload of its contract. Retrying cannot help. */
export class DecodeError extends HoldfastError {
  override readonly code = 'undecodable_body';
}

/**
 * The payload of a message: decoded, lifted from older versions, validated. Throws {@link DecodeError}, whose message
 * never quotes the body; what the codec or an upcast threw is its `cause`. A schema that asks others may give a promise;
 * what that rejects with passes through as it is, since it may say nothing about the body.
 */
export const decodeMessage = async <C extends Contract>(contract: C, message: Message): Promise<OutputOf<C>> =>
  payloadOf(contract, message);

/** As {@link decodeMessage}, at once where the schema needs no promise. */
export const payloadOf = <C extends Contract>(contract: C, message: Message): OutputOf<C> | Promise<OutputOf<C>> => {
  const payload = lift(contract, message, decodeBody(contract, message));
  const validated = validate(contract, message, payload);
  return validated instanceof Promise
    ? validated.then((result) => accepted<C>(message, result))
    : accepted<C>(message, validated);
};

const validate = ({ schema }: Contract, message: Message, payload: unknown) => {
  try {
    return schema['~standard'].validate(payload);
  } catch (error) {
    throw undecodable(message, `could not be validated: ${textOf(error)}`, error);
  }
};

const accepted = <C extends Contract>(message: Message, result: StandardSchemaV1.Result<unknown>): OutputOf<C> => {
  if (result.issues) throw undecodable(message, `does not fit the schema: ${describeIssues(result.issues)}`);
  // What this very contract's schema returned; the type is lost where the contract is known only as a `Contract`.
  return result.value as OutputOf<C>;
};

const decodeBody = ({ codec }: Contract, message: Message): unknown => {
  try {
    return codec.decode(message.body);
  } catch (error) {
    throw undecodable(message, `cannot be read as ${codec.contentType}: ${textOf(error)}`, error);
  }
};

const lift = (contract: Contract, message: Message, payload: unknown): unknown => {
  let lifted = payload;
  for (let older = versionOf(contract, message); older < contract.version; older++) {
    lifted = liftOnce(contract, message, older, lifted);
  }
  return lifted;
};

/** A message without a version was made for the contract as it is. */
const versionOf = (contract: Contract, message: Message): number => {
  const header = message.headers[headerNames.version];
  const version = header === undefined ? contract.version : Number(header);
  if (!Number.isSafeInteger(version) || version < 1) {
    throw undecodable(message, `has version '${header}', expected a whole number from 1`);
  }
  if (version > contract.version) {
    throw undecodable(
      message,
      `has version ${version}, this receiver knows up to ${contract.version}: deploy the newer contract, then redrive`,
    );
  }
  return version;
};

const liftOnce = (contract: Contract, message: Message, older: number, payload: unknown): unknown => {
  const upcast = contract.upcast[older];
  if (upcast === undefined) {
    throw undecodable(message, `has version ${older} and the contract has no upcast from it: add it, then redrive`);
  }
  try {
    // Each upcast names the payload it takes; that it fits can only be seen by running it.
    return upcast(payload as never);
  } catch (error) {
    throw undecodable(message, `could not be lifted from version ${older}: ${textOf(error)}`, error);
  }
};

const undecodable = (message: Message, what: string, cause?: unknown): DecodeError =>
  new DecodeError(`body of message '${message.id}' of type '${message.type}' ${what}`, { cause });

/** Safe for whatever was thrown. The text of a SyntaxError is left out: V8 quotes the JSON that it could not read. */
const textOf = (error: unknown): string => {
  if (typeof error === 'string') return error.slice(0, 200);
  if (!(error instanceof Error)) return `a thrown ${typeof error}`;
  return error instanceof SyntaxError ? 'it is malformed' : String(error.message).slice(0, 200);
};
