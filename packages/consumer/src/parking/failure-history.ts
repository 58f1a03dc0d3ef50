import type { Delivery, Receive, Runtime } from '@holdfast/core';
import type { Failure } from '@holdfast/inbox';

/** The failed attempts of messages that this process holds, for the day on which they are parked or dead letters. */
export interface FailureHistory {
  note(delivery: Delivery, error: unknown): void;
  /** Of the message since it was handed over; oldest first. */
  of(delivery: Delivery): readonly Failure[];
  /** Costs nothing while nothing fails. */
  forget(delivery: Delivery): void;
  /** Forgets what it has noted of messages that succeed. */
  forgetting(receive: Receive): Receive;
}

const maxFailures = 50;
const maxTextLength = 500;
const maxStackLength = 2_000;

/** `capacity`: how many messages can be in process at once. */
export const createFailureHistory = (
  capacity: number,
  { clock }: Pick<Runtime, 'clock'>,
  process: string,
): FailureHistory => {
  const histories = new Map<string, Failure[]>();

  const describe = (error: unknown): Failure => ({
    at: clock.now(),
    ...(error instanceof Error
      ? { name: cut(error.name, maxTextLength), message: cut(error.message, maxTextLength), stack: stackOf(error) }
      : { name: typeof error, message: typeof error === 'string' ? cut(error, maxTextLength) : '' }),
    process,
  });

  const forget = (delivery: Delivery): void => {
    if (histories.size > 0) histories.delete(placeOf(delivery));
  };

  return {
    note: (delivery, error) => {
      const place = placeOf(delivery);
      const history = histories.get(place) ?? [];
      // The first failures say what began it, the last ones what it has become.
      if (history.length >= maxFailures) history.splice(1, 1);
      history.push(describe(error));
      histories.set(place, history);
      if (histories.size <= capacity) return;
      for (const oldest of histories.keys()) {
        histories.delete(oldest);
        return;
      }
    },
    of: (delivery) => (histories.size === 0 ? none : (histories.get(placeOf(delivery)) ?? none)),
    forget,
    forgetting: (receive) => async (delivery) => {
      const settlement = await receive(delivery);
      if (settlement.outcome === 'ack') forget(delivery);
      return settlement;
    },
  };
};

const none: readonly Failure[] = [];

const placeOf = ({ topic, token, message: { id } }: Delivery): string => `${topic}\n${token}\n${id}`;

/** Postgres takes no NUL. */
const cut = (text: string, most: number): string => text.slice(0, most).replaceAll('\0', ' ').toWellFormed();

const stackOf = ({ stack }: Error): string | undefined =>
  stack === undefined ? undefined : cut(stack, maxStackLength);
