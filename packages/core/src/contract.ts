import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Codec, jsonCodec } from './codec.ts';
import { InvalidOptionError } from './errors.ts';

/** Lifts a payload of one version to the next; `upcast[1]` makes a version 2 of a version 1. */
export type Upcasts = Readonly<Record<number, (older: never) => unknown>>;

export interface MessageDefinition<Input, Output> {
  /** A whole number from 1. A receiver lifts older ones by `upcast` and rejects newer ones. */
  readonly version: number;
  /** The topic it is published to, where a call names no other. */
  readonly topic: string;
  /** Any Standard Schema: zod, valibot, arktype… Its input is what one sends, its output what one receives. */
  readonly schema: StandardSchemaV1<Input, Output>;
  /** What must stay in order, from the validated payload. Absent, or undefined for a payload: no order. */
  readonly key?: ((payload: Output) => string | undefined) | undefined;
  /** Default: JSON. */
  readonly codec?: Codec | undefined;
  /** One function per older version that may still arrive. */
  readonly upcast?: Upcasts | undefined;
}

/** A message type with all that sender and receiver must agree on. Made by {@link defineMessage}. */
export interface Contract<Type extends string = string, Input = unknown, Output = unknown> {
  readonly type: Type;
  readonly version: number;
  readonly topic: string;
  readonly schema: StandardSchemaV1<Input, Output>;
  /** A method, so that a list of contracts of different payloads has a type. */
  key(payload: Output): string | undefined;
  readonly codec: Codec;
  readonly upcast: Upcasts;
}

/** What one sends under a contract. */
export type InputOf<C> = C extends { readonly schema: StandardSchemaV1<infer Input, unknown> } ? Input : never;
/** What one receives under a contract. */
export type OutputOf<C> = C extends { readonly schema: StandardSchemaV1<infer _, infer Output> } ? Output : never;

/**
 * Defines a message type.
 *
 * The body holds the schema's *input* form: a sender's payload is validated and sent as it is, a receiver validates it
 * again and gets the schema's output. Throws `invalid_option` for a definition that cannot work.
 */
export const defineMessage = <const Type extends string, Input, Output>(
  type: Type,
  definition: MessageDefinition<Input, Output>,
): Contract<Type, Input, Output> => {
  const { version, topic, schema, key = () => undefined, codec = jsonCodec, upcast = {} } = definition;
  if (type === '') throw new InvalidOptionError('type', 'found an empty message type; name it like "order.placed"');
  if (topic === '') throw new InvalidOptionError('topic', `message type '${type}' has an empty topic; name one`);
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new InvalidOptionError('version', `'${type}' has version ${version}; expected a whole number from 1`);
  }
  checkUpcasts(type, version, upcast);
  return Object.freeze({ type, version, topic, schema, key, codec, upcast });
};

/** A gap would be found only by the old message that falls into it. */
const checkUpcasts = (type: string, version: number, upcast: Upcasts): void => {
  const from = Object.keys(upcast).map(Number);
  const stray = from.find((older) => !Number.isSafeInteger(older) || older < 1 || older >= version);
  if (stray !== undefined) {
    throw new InvalidOptionError('upcast', `'${type}' is at version ${version} and cannot lift version ${stray} to it`);
  }
  for (let older = Math.min(...from); older < version; older++) {
    if (upcast[older] === undefined) {
      throw new InvalidOptionError(
        'upcast',
        `'${type}' lifts version ${Math.min(...from)} but not ${older}; add upcast ${older}`,
      );
    }
  }
};
