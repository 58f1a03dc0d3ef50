import { type Clock, type PublishOutcome, reach } from '@holdfast/core';
import type { AmqpConfirmChannel, AmqpMessage } from './amqp.ts';
import type { OpenChannel } from './channel.ts';
import { createChannelEnd } from './channel-end.ts';
import { MessageRefusedError, UnsendableError } from './errors.ts';
import { ok, type Sending, settle } from './sending.ts';
import { createSendingLanes } from './sending-lanes.ts';
import { requireEncodable } from './wire.ts';

export interface SenderOptions {
  /** How many may be sent and not confirmed. */
  readonly maxUnconfirmed: number;
  /** What becomes of a message that the broker stored nowhere; `again`: it is sent once more. Does not reject. */
  readonly onReturned: (sending: Sending) => Promise<PublishOutcome | 'again'>;
  /** So many wait to be sent now. */
  readonly onQueued: (queued: number) => void;
  readonly clock: Clock;
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
}

export const createSender = ({ maxUnconfirmed, onReturned, onQueued, clock }: SenderOptions): Sender => {
  const lanes = createSendingLanes();
  const channelEnd = createChannelEnd(clock);
  /** By delivery tag, oldest first. */
  let flying = new Map<number, Sending>();
  let channel: AmqpConfirmChannel | undefined;
  let lastTag = 0;
  let firstTag = 1;
  let blocked = false;
  let unconfirmed = 0;
  let toldQueued = 0;

  const pump = (): void => {
    while (channel !== undefined && !blocked && unconfirmed < maxUnconfirmed) {
      const sending = lanes.next();
      if (sending === undefined) break;
      send(channel, sending);
    }
    tellQueued();
  };

  const tellQueued = (): void => {
    if (lanes.queued === toldQueued) return;
    toldQueued = lanes.queued;
    onQueued(toldQueued);
  };

  const send = (over: AmqpConfirmChannel, sending: Sending): void => {
    const refusal = channelEnd.refusalOf(sending.exchange);
    if (refusal !== undefined) {
      lanes.fail(sending, { outcome: 'failed', error: refusal });
      return;
    }
    try {
      requireEncodable(sending.properties);
      over.publish(sending.exchange, sending.routingKey, sending.body, sending.properties);
    } catch (error) {
      // Thrown before anything was written: its frames cannot be made, or the channel is just ending.
      if (error instanceof RangeError || error instanceof TypeError) {
        lanes.fail(sending, { outcome: 'failed', error: new UnsendableError(sending.id, error) });
      } else {
        channel = undefined;
        lanes.again(sending);
      }
      return;
    }
    sending.state = 'sent';
    unconfirmed++;
    flying.set(++lastTag, sending);
  };

  const confirm = (sending: Sending, isStored: boolean): void => {
    if (sending.returned) {
      void decide(sending);
      return;
    }
    unconfirmed--;
    if (isStored) {
      settle(sending, ok);
      lanes.leave(sending);
    } else {
      lanes.fail(sending, { outcome: 'failed', error: new MessageRefusedError(sending.id, sending.call.topic) });
    }
  };

  const decide = async (sending: Sending): Promise<void> => {
    const outcome = await onReturned(sending);
    unconfirmed--;
    if (outcome === 'again') {
      sending.returned = false;
      lanes.again(sending);
    } else if (outcome.outcome === 'ok') {
      settle(sending, ok);
      lanes.leave(sending);
    } else {
      lanes.fail(sending, outcome);
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
    const failureOf = channelEnd.judge(sendings, reason);
    for (const sending of sendings) lanes.fail(sending, failureOf(sending));
    tellQueued();
  };

  return {
    push: lanes.push,
    pump,
    attach,
    block: (isBlocked) => {
      blocked = isBlocked;
      pump();
    },
    withdraw: (sending, error) => {
      lanes.withdraw(sending, error);
      tellQueued();
    },
    get queued() {
      return lanes.queued;
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
