import { ack, type Settlement } from '@holdfast/core';

/** What a delivery came to; every delivery is counted under exactly one. */
export type Count = 'acked' | 'duplicates' | 'ignored' | 'stored' | 'retried' | 'rejected' | 'handedBack';

/** The end of a delivery: its settlement, and what people are told of it. */
export interface Ending {
  readonly count: Count;
  readonly settlement: Settlement;
  /** Of a `retry` or `reject`: what the attempt threw. */
  readonly error?: unknown;
  /** Where it can, it waits in the store, whatever its delay: nothing of it is to stay here. */
  readonly parks?: boolean;
}

/** Of a message that killed its process so often, each time while nothing else ran: a dead letter before it has run again. */
export const crashSuspect = (deaths: number): Ending => ({
  count: 'rejected',
  settlement: {
    outcome: 'reject',
    reason: `crash_suspect: the process died ${deaths} times while only this message ran`,
  },
});

/** Those that say nothing about their message. */
export const endings: Readonly<
  Record<'acked' | 'duplicate' | 'ignored' | 'stored' | 'handedBack' | 'notStarted', Ending>
> = {
  acked: { count: 'acked', settlement: ack },
  duplicate: { count: 'duplicates', settlement: ack },
  ignored: { count: 'ignored', settlement: ack },
  stored: { count: 'stored', settlement: ack },
  /** The claim or the consumer has ended: the message is the next owner's. */
  handedBack: { count: 'handedBack', settlement: { outcome: 'retry', delayMs: 0, spent: false } },
  /** As `handedBack`, before the transport knows that its subscription closes: it would hand the message over at once. */
  notStarted: { count: 'handedBack', settlement: { outcome: 'retry', delayMs: 1_000, spent: false } },
};
