import type { AmqpMessage } from './amqp.ts';
import type { OpenChannel } from './channel.ts';

/** Tells the broker what is settled, on one channel. */
export interface Acks {
  /** Everything up to this delivery tag is settled. */
  settledTo(position: string): void;
  /** This one is settled; told before `settledTo`. */
  settledOne(position: string): void;
  /** Tells nothing until `flush`, so that the broker hands over no more than its credit. */
  hold(): void;
  /** Tells all of it now. Does nothing once the channel has ended. */
  flush(): void;
  /** All up to this delivery tag are acked. */
  readonly ackedTo: number;
  /** Of so many that the broker has handed over. */
  unacked(delivered: number): number;
}

/**
 * What is settled without a gap is acked at once for all, once per turn of the event loop. What is settled behind a message
 * that is held up is acked singly, and only when so much of it has gathered that the broker would run out of credit.
 * `onTurn` is called at the end of each such turn.
 */
export const createAcks = ({ channel, ended }: OpenChannel, prefetch: number, onTurn: () => void): Acks => {
  const crowd = Math.max(1, Math.floor(prefetch / 2));
  let ackedTo = 0;
  let settledTo = 0;
  /** Settled behind a gap: not acked yet, and acked singly. */
  const waiting = new Set<number>();
  const alone = new Set<number>();
  let scheduled = false;
  let held = false;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (!held) tell(crowd);
      onTurn();
    });
  };

  const tell = (least: number): void => {
    if (ended.aborted) return;
    try {
      if (settledTo > ackedTo) ackPrefix();
      if (waiting.size >= least) ackAlone();
    } catch {
      // The channel has just ended; its messages come again.
    }
  };

  /** The tag of a `multiple` ack must itself be unacked: the broker closes the channel otherwise. */
  const ackPrefix = (): void => {
    let last = settledTo;
    while (alone.has(last)) last--;
    channel.ack(tagged(last), true);
    for (let tag = ackedTo + 1; tag <= settledTo; tag++) {
      waiting.delete(tag);
      if (alone.size > 0) alone.delete(tag);
    }
    ackedTo = settledTo;
  };

  const ackAlone = (): void => {
    for (const tag of waiting) {
      channel.ack(tagged(tag));
      alone.add(tag);
    }
    waiting.clear();
  };

  return {
    hold: () => {
      held = true;
    },
    flush: () => tell(1),
    get ackedTo() {
      return ackedTo;
    },
    unacked: (delivered) => delivered - ackedTo - alone.size,
    settledTo: (position) => {
      settledTo = Number(position);
    },
    settledOne: (position) => {
      waiting.add(Number(position));
      schedule();
    },
  };
};

/** amqplib acks a message, of which it looks at the tag only. */
const tagged = (deliveryTag: number): AmqpMessage => ({ fields: { deliveryTag } }) as AmqpMessage;
