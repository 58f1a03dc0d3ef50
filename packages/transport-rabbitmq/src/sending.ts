import type { PublishOutcome } from '@holdfast/core';
import type { PublishProperties } from './amqp.ts';
import type { Topic } from './topics.ts';

/** One publish. It ends when all of its messages have an outcome, its caller gives up, or its time is over. */
export interface Call {
  readonly topic: Topic;
  readonly sendings: readonly Sending[];
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
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: PublishProperties;
  /** Names its key's lane; undefined where nothing has to wait for it. */
  readonly lane: string | undefined;
  state: 'waiting' | 'ready' | 'sent';
  returned: boolean;
}

export const ok: PublishOutcome = { outcome: 'ok' };

/** The message's outcome, unless it has one. */
export const settle = ({ call, index }: Sending, outcome: PublishOutcome): void => {
  if (call.over || call.outcomes[index] !== undefined) return;
  call.outcomes[index] = outcome;
  if (--call.left === 0) end(call);
};

/** The call ends now: a message without an outcome gets the one that `outcomeOf` says. */
export const endCall = (call: Call, outcomeOf: (sending: Sending) => PublishOutcome): void => {
  if (call.over) return;
  for (const sending of call.sendings) call.outcomes[sending.index] ??= outcomeOf(sending);
  end(call);
};

const end = (call: Call): void => {
  call.over = true;
  call.finish();
};
