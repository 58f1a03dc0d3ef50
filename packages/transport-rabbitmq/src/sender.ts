import { EarlierFailedError, type PublishOutcome, reach } from '@holdfast/core';
import { createFifo, type Fifo } from '@holdfast/flow';
import { type AmqpConfirmChannel, type AmqpMessage, replyCodeOf, replyCodes } from './amqp.ts';
import type { OpenChannel } from './channel.ts';
import { ConnectionLostError, MessageRefusedError, UnsendableError } from './errors.ts';
import { ok, type Sending, settle } from './sending.ts';

export interface SenderOptions {
  /** How many may be sent and not confirmed. */
  readonly maxUnconfirmed: number;
  /** What becomes of a message that the broker stored nowhere; `again`: it is sent once more. Does not reject. */
  readonly onReturned: (sending: Sending) => Promise<PublishOutcome | 'again'>;
}

/**
 * Sends in a bounded window over one confirming channel, at most one of a lane at a time. A message that fails fails those
 * that wait in its lane; what is on its way when the channel ends has an unknown outcome.
 */
export interface Sender {
  push(sending: Sending): void;
  /** Sends what may be sent. */
  pump(): void;
  /** From now on over this channel; what the last one had on its way has ended with it. */
  attach(open: OpenChannel<AmqpConfirmChannel>): void;
  /** Nothing is sent until resumed. */
  block(blocked: boolean): void;
  /** It will not be sent: those of its lane that wait behind it fail. Its own outcome is given already. */
  withdraw(sending: Sending, error: unknown): void;
  /** Waiting to be sent. */
  readonly queued: number;
  /** Sent, and neither confirmed nor refused. */
  readonly unconfirmed: number;
}

export const createSender = ({ maxUnconfirmed, onReturned }: SenderOptions): Sender => {
  const ready = createFifo<Sending>();
  /** Who waits in a lane for the one of it that is ready or on its way. */
  const lanes = new Map<string, Fifo<Sending> | undefined>();
  /** By delivery tag, oldest first. */
  let flying = new Map<number, Sending>();
  let channel: AmqpConfirmChannel | undefined;
  let lastTag = 0;
  let firstTag = 1;
  let blocked = false;
  let queued = 0;
  let unconfirmed = 0;

  const push = (sending: Sending): void => {
    queued++;
    const { lane } = sending;
    if (lane === undefined || !lanes.has(lane)) {
      if (lane !== undefined) lanes.set(lane, undefined);
      makeReady(sending);
      return;
    }
    let waiting = lanes.get(lane);
    if (waiting === undefined) {
      waiting = createFifo();
      lanes.set(lane, waiting);
    }
    waiting.push(sending);
  };

  const makeReady = (sending: Sending): void => {
    sending.state = 'ready';
    ready.push(sending);
  };

  const pump = (): void => {
    while (channel !== undefined && !blocked && unconfirmed < maxUnconfirmed) {
      const sending = ready.shift();
      if (sending === undefined) return;
      queued--;
      if (sending.call.over) leaveLane(sending);
      else send(channel, sending);
    }
  };

  const send = (over: AmqpConfirmChannel, sending: Sending): void => {
    try {
      over.publish(sending.exchange, sending.routingKey, sending.body, sending.properties);
    } catch (error) {
      // Thrown before anything was written: its frames cannot be made, or the channel is just ending.
      if (error instanceof RangeError) {
        fail(sending, { outcome: 'failed', error: new UnsendableError(sending.id, error) });
      } else {
        channel = undefined;
        queued++;
        makeReady(sending);
      }
      return;
    }
    sending.state = 'sent';
    unconfirmed++;
    flying.set(++lastTag, sending);
  };

  /** The next of its lane may go. */
  const leaveLane = ({ lane }: Sending): void => {
    if (lane === undefined) return;
    const next = lanes.get(lane)?.shift();
    if (next === undefined) lanes.delete(lane);
    else makeReady(next);
  };

  const fail = (sending: Sending, outcome: PublishOutcome & { readonly error: unknown }): void => {
    settle(sending, outcome);
    failBehind(sending, () => true, outcome.error);
    leaveLane(sending);
  };

  const failBehind = ({ lane, call }: Sending, match: (one: Sending) => boolean, cause: unknown): void => {
    const waiting = lane === undefined ? undefined : lanes.get(lane);
    if (waiting === undefined || waiting.size === 0) return;
    const behind = waiting.remove(match);
    queued -= behind.length;
    if (behind.length === 0) return;
    const outcome: PublishOutcome = { outcome: 'failed', error: new EarlierFailedError(call.topic.name, cause) };
    for (const one of behind) settle(one, outcome);
  };

  const confirm = (sending: Sending, isStored: boolean): void => {
    if (sending.returned) {
      void decide(sending);
      return;
    }
    unconfirmed--;
    if (isStored) {
      settle(sending, ok);
      leaveLane(sending);
    } else {
      fail(sending, { outcome: 'failed', error: new MessageRefusedError(sending.id, sending.call.topic.name) });
    }
  };

  const decide = async (sending: Sending): Promise<void> => {
    const outcome = await onReturned(sending);
    unconfirmed--;
    if (outcome === 'again') {
      sending.returned = false;
      queued++;
      makeReady(sending);
    } else if (outcome.outcome === 'ok') {
      settle(sending, ok);
      leaveLane(sending);
    } else {
      fail(sending, outcome);
    }
    pump();
  };

  const take = (tag: number, isStored: boolean): void => {
    const sending = flying.get(tag);
    if (sending === undefined) return;
    flying.delete(tag);
    confirm(sending, isStored);
  };

  const confirmUpTo = ({ deliveryTag, multiple }: Confirm, isStored: boolean): void => {
    if (multiple) {
      for (; firstTag <= deliveryTag; firstTag++) take(firstTag, isStored);
    } else {
      take(deliveryTag, isStored);
    }
    pump();
  };

  const attach = ({ channel: next, ended }: OpenChannel<AmqpConfirmChannel>): void => {
    const mine = new Map<number, Sending>();
    flying = mine;
    firstTag = 1;
    lastTag = 0;
    channel = next;
    const onConfirm =
      (isStored: boolean) =>
      (confirmed: Confirm): void => {
        if (flying !== mine) return;
        const held = reach('publish.afterSend.beforeConfirm');
        if (held === undefined) confirmUpTo(confirmed, isStored);
        else void held.then(() => confirmUpTo(confirmed, isStored));
      };
    next.on('ack', onConfirm(true));
    next.on('nack', onConfirm(false));
    next.on('return', (message: AmqpMessage) => markReturned(mine, message));
    const onEnd = (): void => {
      if (channel === next) channel = undefined;
      loseAll(mine, ended.reason);
    };
    if (ended.aborted) onEnd();
    else ended.addEventListener('abort', onEnd, { once: true });
    pump();
  };

  const loseAll = (lost: Map<number, Sending>, reason: unknown): void => {
    const sendings = [...lost.values()];
    lost.clear();
    unconfirmed -= sendings.length;
    const tooLarge = replyCodeOf(reason) === replyCodes.mismatch ? largest(sendings) : undefined;
    const error = new ConnectionLostError('no confirm came', reason);
    for (const sending of sendings) {
      fail(
        sending,
        sending === tooLarge
          ? { outcome: 'failed', error: new UnsendableError(sending.id, reason) }
          : { outcome: 'unknown', error },
      );
    }
  };

  return {
    push,
    pump,
    attach,
    block: (isBlocked) => {
      blocked = isBlocked;
      pump();
    },
    withdraw: (sending, error) => {
      let behind = sending.state !== 'waiting';
      failBehind(
        sending,
        (one) => {
          const matches = behind || one === sending;
          behind = matches;
          return matches;
        },
        error,
      );
    },
    get queued() {
      return queued;
    },
    get unconfirmed() {
      return unconfirmed;
    },
  };
};

interface Confirm {
  readonly deliveryTag: number;
  readonly multiple: boolean;
}

/** A message that reached no queue comes back before its confirm. Found by what it is: copies have the same fate. */
const markReturned = (flying: ReadonlyMap<number, Sending>, { fields, properties }: AmqpMessage): void => {
  for (const sending of flying.values()) {
    const same =
      sending.properties.messageId === properties.messageId &&
      sending.routingKey === fields.routingKey &&
      sending.exchange === fields.exchange;
    if (same && !sending.returned) {
      sending.returned = true;
      return;
    }
  }
};

/** The broker closes a channel with this code for a message above its size limit, and the largest is above it if any is. */
const largest = (sendings: readonly Sending[]): Sending | undefined =>
  sendings.reduce<Sending | undefined>(
    (most, one) => (most === undefined || one.body.length > most.body.length ? one : most),
    undefined,
  );
