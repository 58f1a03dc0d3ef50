import type { Delivery, Receive } from './delivery.ts';
import type { Handler } from './handler.ts';
import { ack, type Settlement } from './settlement.ts';

/** Turns an error into a settlement. Pure: the same error and delivery give the same kind of settlement. */
export type Verdict = (error: unknown, delivery: Delivery) => Settlement;

/** The one border where a thrown error becomes a settlement: success is an `ack`, an error what `verdict` makes of it. */
export const settle =
  (handler: Handler, verdict: Verdict): Receive =>
  async (delivery) => {
    try {
      await handler(delivery);
      return ack;
    } catch (error) {
      return verdict(error, delivery);
    }
  };
