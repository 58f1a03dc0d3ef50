import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Codec } from './codec.ts';
import type { Contract, InputOf } from './contract.ts';
import { HoldfastError } from './errors.ts';
import { headerNames, reservedHeaderPrefix } from './headers.ts';
import type { Message } from './message.ts';
import type { Runtime } from './runtime.ts';

/** What a sender may say about one message besides its payload. */
export interface SendOptions {
  /** Default: a new id. Give one to make sending again harmless. */
  readonly id?: string | undefined;
  /** Default: the contract's key function. */
  readonly key?: string | undefined;
  /**
   * Names are compared as they are. `holdfast-…` is reserved; `content-type` and `ce_dataversion` are the contract's,
   * `ce_id`, `ce_type` and `ce_specversion` the message's own.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The message that this one answers or follows from: sets `correlationid` and `causationid`. */
  readonly inReplyTo?: Message | undefined;
}

/** A payload that its contract's schema, codec or key function refused before anything was sent or written. */
export class InvalidPayloadError extends HoldfastError {
  override readonly code = 'invalid_payload';
  readonly type: string;
  /** What the schema said; empty where something threw, with its error as the `cause`. */
  readonly issues: readonly StandardSchemaV1.Issue[];
  constructor(type: string, what: string, options: { issues?: readonly StandardSchemaV1.Issue[]; cause?: unknown }) {
    const { issues = [], cause } = options;
    super(`payload of '${type}' ${what}; nothing was sent`, { cause });
    this.type = type;
    this.issues = issues;
  }
}

/** An id, key or header that a message cannot carry. */
export class InvalidMessageError extends HoldfastError {
  override readonly code = 'invalid_message';
}

/** The first three issues of a schema, for an error message: paths and texts, never values. */
export const describeIssues = (issues: readonly StandardSchemaV1.Issue[]): string =>
  issues
    .slice(0, 3)
    .map(({ path, message }) => {
      const at = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
      return at === '' ? message : `${at}: ${message}`;
    })
    .join('; ') + (issues.length > 3 ? ` and ${issues.length - 3} more` : '');

/**
 * Makes a message of a payload. Throws {@link InvalidPayloadError} for a payload that schema, codec or key function refuse and
 * {@link InvalidMessageError} for an id, key or header that cannot be carried.
 */
export const encodeMessage = async <C extends Contract>(
  contract: C,
  payload: InputOf<C>,
  options: SendOptions,
  runtime: Runtime,
): Promise<Message> => {
  const value = await validate(contract, payload);
  const id = options.id ?? runtime.ids();
  const key = options.key ?? keyOf(contract, value);
  const message: Message = {
    id,
    type: contract.type,
    ...(key === undefined ? {} : { key }),
    headers: encodeHeaders(contract, id, options, runtime),
    body: encodeBody(contract, payload),
  };
  checkMessage(message);
  return message;
};

const validate = async ({ type, schema }: Contract, payload: unknown): Promise<unknown> => {
  const result = await resultOf(type, () => schema['~standard'].validate(payload));
  if (!result.issues) return result.value;
  const what = `does not fit its schema: ${describeIssues(result.issues)}`;
  throw new InvalidPayloadError(type, what, { issues: result.issues });
};

const resultOf = async <T>(type: string, run: () => T | Promise<T>): Promise<T> => {
  try {
    const result = run();
    return result instanceof Promise ? await result : result;
  } catch (cause) {
    throw new InvalidPayloadError(type, `could not be validated: ${textOf(cause)}`, { cause });
  }
};

const keyOf = (contract: Contract, value: unknown): string | undefined => {
  try {
    return contract.key(value);
  } catch (cause) {
    throw new InvalidPayloadError(contract.type, `has no key: the key function threw ${textOf(cause)}`, { cause });
  }
};

const encodeBody = ({ type, codec }: Contract, payload: unknown): Uint8Array => {
  const body = encodeWith(type, codec, payload);
  if (body instanceof Uint8Array) return body;
  throw new InvalidPayloadError(type, `was written as a ${typeof body} by its codec; expected a Uint8Array`, {});
};

const encodeWith = (type: string, codec: Codec, payload: unknown): unknown => {
  try {
    return codec.encode(payload);
  } catch (cause) {
    throw new InvalidPayloadError(type, `cannot be written as ${codec.contentType}: ${textOf(cause)}`, { cause });
  }
};

const textOf = (cause: unknown): string =>
  cause instanceof Error ? String(cause.message.split('\n', 1)[0]) : `a thrown ${typeof cause}`;

const encodeHeaders = (
  contract: Contract,
  id: string,
  { inReplyTo, headers = {} }: SendOptions,
  runtime: Runtime,
): Record<string, string> => {
  for (const name of Object.keys(headers)) checkFree(id, name);
  return {
    [headerNames.contentType]: contract.codec.contentType,
    [headerNames.time]: new Date(runtime.clock.now()).toISOString(),
    [headerNames.version]: String(contract.version),
    ...(inReplyTo && {
      [headerNames.correlationId]: inReplyTo.headers[headerNames.correlationId] ?? inReplyTo.id,
      [headerNames.causationId]: inReplyTo.id,
    }),
    ...headers,
  };
};

/** What the contract says about the body; another value would make the body unreadable. */
const contractHeaders: ReadonlySet<string> = new Set([headerNames.contentType, headerNames.version]);

/** What some transports write beside the headers, as CloudEvents name it: another value would be another message there. */
const ownHeaders: ReadonlySet<string> = new Set(['ce_id', 'ce_type', 'ce_specversion']);

const checkFree = (id: string, name: string): void => {
  const lower = name.toLowerCase();
  if (lower.startsWith(reservedHeaderPrefix)) {
    throw new InvalidMessageError(
      `header '${name}' of message '${id}' is reserved: rename it to something without '${reservedHeaderPrefix}'`,
    );
  }
  if (ownHeaders.has(lower)) {
    throw new InvalidMessageError(
      `header '${name}' of message '${id}' is reserved for what the message says itself: leave it out, and give \`id\` for an id of your own`,
    );
  }
  if (contractHeaders.has(lower)) {
    throw new InvalidMessageError(
      `header '${name}' of message '${id}' is set by the contract: leave it out, or change the contract's codec or version`,
    );
  }
};

/** Throws {@link InvalidMessageError} for what no broker or database could carry unchanged. */
export const checkMessage = (message: Message): void => {
  checkText(message, 'id', message.id);
  checkText(message, 'type', message.type);
  if (message.id === '')
    throw new InvalidMessageError(`a message of type '${message.type}' has an empty id; leave it out to get a new one`);
  if (message.key !== undefined) checkText(message, 'key', message.key);
  for (const [name, value] of Object.entries(message.headers)) {
    checkText(message, `header '${name}'`, name);
    checkText(message, `header '${name}'`, value);
  }
};

const checkText = (message: Message, what: string, text: unknown): void => {
  if (typeof text !== 'string') {
    throw new InvalidMessageError(`${what} of message '${message.id}' is of type ${typeof text}; expected a string`);
  }
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new InvalidMessageError(`${what} of message '${message.id}' holds a NUL or half a surrogate pair; remove it`);
  }
};
