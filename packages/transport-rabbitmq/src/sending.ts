import type { Message, PublishOutcome } from '@holdfast/core';
import type { PublishProperties } from './amqp.ts';
import type { Topic } from './topics.ts';

/** One publish. It ends when all of its messages have an outcome, its caller gives up, or its time is over. */
export interface Call {
  readonly topic: string;
  readonly messages: readonly Message[];
  /** In order of acceptance. */
  readonly sequence: number;
  /** None until its topic is known. */
  sendings: readonly Sending[];
  readonly outcomes: (PublishOutcome | undefined)[];
  readonly deadline: number;
  left: number;
  /** No outcome counts any more. */
  over: boolean;
  readonly finish: () => void;
}

/** One message on its way. */
export interface Sending {
  readonly call: Call;
  readonly index: number;
  readonly id: string;
  readonly topic: Topic;
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: PublishProperties;
  /** Names its key's lane; undefined where nothing has to wait for it. */
  readonly lane: string | undefined;
  /** `waiting`: behind another one of its lane. `withdrawn`: it was `ready`, and is not to be sent any more. */
  state: 'waiting' | 'ready' | 'sent' | 'withdrawn';
  returned: boolean;
}

export const ok: PublishOutcome = { outcome: 'ok' };

/** The message's outcome, unless it has one. */
export const settle = ({ call, index }: Sending, outcome: PublishOutcome): void => {
  if (call.over || call.outcomes[index] !== undefined) return;
  call.outcomes[index] = outcome;
  if (--call.left === 0) end(call);
};

/** The call ends now. A message without an outcome may be stored if it was sent; else it is not, and will not be. */
export const endCall = (call: Call, why: (id: string) => unknown): void => {
  if (call.over) return;
  for (const [index, { id }] of call.messages.entries()) {
    const sent = call.sendings[index]?.state === 'sent';
    call.outcomes[index] ??= { outcome: sent ? 'unknown' : 'failed', error: why(id) };
  }
  end(call);
};

const end = (call: Call): void => {
  call.over = true;
  call.finish();
};
