import type { Contract, OutputOf } from './contract.ts';
import { describeIssues } from './encode-message.ts';
import { HoldfastError } from './errors.ts';
import { headerNames } from './headers.ts';
import type { Message } from './message.ts';

/** A body that cannot be made the payload of its contract. Retrying cannot help. */
export class DecodeError extends HoldfastError {
  override readonly code = 'undecodable_body';
}

/** The payload of a message: decoded, lifted from older versions, validated. Throws nothing but {@link DecodeError}. */
export const decodeMessage = async <C extends Contract>(contract: C, message: Message): Promise<OutputOf<C>> => {
  try {
    const payload = lift(contract, message, contract.codec.decode(message.body));
    const validated = contract.schema['~standard'].validate(payload);
    const result = validated instanceof Promise ? await validated : validated;
    if (result.issues) throw undecodable(message, `does not fit the schema: ${describeIssues(result.issues)}`);
    return result.value as OutputOf<C>;
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw undecodable(message, `cannot be read as ${contract.codec.contentType}: ${textOf(error)}`, error);
  }
};

const lift = (contract: Contract, message: Message, payload: unknown): unknown => {
  const header = message.headers[headerNames.version];
  const version = header === undefined ? contract.version : Number(header);
  if (!Number.isSafeInteger(version) || version < 1)
    throw undecodable(message, `has version '${header}', expected a whole number from 1`);
  if (version > contract.version) {
    throw undecodable(
      message,
      `has version ${version}, this receiver knows up to ${contract.version}: deploy the newer contract, then redrive`,
    );
  }
  let lifted = payload;
  for (let older = version; older < contract.version; older++) {
    const upcast = contract.upcast[older];
    if (upcast === undefined)
      throw undecodable(
        message,
        `has version ${version} and the contract has no upcast from ${older}: add it, then redrive`,
      );
    lifted = upcast(lifted as never);
  }
  return lifted;
};

const undecodable = (message: Message, what: string, cause?: unknown): DecodeError =>
  new DecodeError(`body of message '${message.id}' of type '${message.type}' ${what}`, { cause });

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 200);
