import type { Runtime } from '@holdfast/core';
import { DeduplicationUnavailableError } from './deduplicate.ts';
import type { Ending } from './ending.ts';
import { InboxUnavailableError } from './errors.ts';

/** Whether one half of a consumer, what comes from the broker or from the store, gets on and can use what records it. */
export interface Vitals {
  begin(): void;
  end(ending: Ending): void;
  /** It was paused, and goes on: what stood still meanwhile had to. */
  resumed(): void;
  /** For how long no message has left while there was something to do; 0 when there is nothing. */
  readonly stillMs: number;
  /** Why the inbox, or the idempotency store, cannot be used, as far as the last deliveries have shown. For people. */
  readonly trouble: string | undefined;
}

/** Without one message leaving for so long while there are some, a consumer is not ready. */
export const stillAfterMs = 60_000;
/** Whoever cannot use it tries again within seconds: when nobody has for so long, what could not has gone elsewhere. */
const troubleEndsAfterMs = 60_000;

export const createVitals = ({ clock, log }: Pick<Runtime, 'clock' | 'log'>, group: string): Vitals => {
  let inFlight = 0;
  /** The last that ended is to be tried again: it was no progress, and begins none. */
  let failing = false;
  let endedAt = clock.monotonic();
  let progressAt = endedAt;
  let trouble: string | undefined;
  let troubleAt = endedAt;

  const see = ({ count, error }: Ending): void => {
    if (error instanceof InboxUnavailableError || error instanceof DeduplicationUnavailableError) {
      if (trouble === undefined) log.warn({ error, group }, 'what records the messages cannot be used; they wait');
      trouble = error.message;
      troubleAt = endedAt;
    } else if (trouble !== undefined && (count === 'acked' || count === 'stored' || count === 'duplicates')) {
      log.warn({ group }, 'what records the messages can be used again');
      trouble = undefined;
    }
  };

  return {
    begin: () => {
      if (inFlight++ > 0) return;
      const now = clock.monotonic();
      if (!failing || now - endedAt > stillAfterMs) progressAt = now;
    },
    end: (ending) => {
      inFlight--;
      endedAt = clock.monotonic();
      if (ending.count === 'retried') failing = true;
      else if (ending.count !== 'handedBack') {
        failing = false;
        progressAt = endedAt;
      }
      see(ending);
    },
    resumed: () => {
      progressAt = clock.monotonic();
    },
    get stillMs() {
      const now = clock.monotonic();
      const busy = inFlight > 0 || (failing && now - endedAt <= stillAfterMs);
      return busy ? now - progressAt : 0;
    },
    get trouble() {
      return clock.monotonic() - troubleAt <= troubleEndsAfterMs ? trouble : undefined;
    },
  };
};
