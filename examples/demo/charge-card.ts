import { setTimeout as pause } from 'node:timers/promises';

/** The card was refused, and will be again. */
export class CardRefused extends Error {
  override readonly name = 'CardRefused';
}

/** How a process ends that has met an answer it does not survive. */
export const crashCode = 70;

export interface Charge {
  readonly total: number;
  /** The bank takes the same key once. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** Asks the card network, which is slow. Without a URL there is none, and every card is good. */
export const chargeCard = async (bankUrl: string, { total, idempotencyKey, signal }: Charge): Promise<void> => {
  await pause(5 + Math.random() * 15, undefined, { signal });
  if (bankUrl === '') return;
  const response = await fetch(`${bankUrl}/charges`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
    body: JSON.stringify({ total }),
    signal,
  });
  if (response.status === 422) process.exit(crashCode); // as a bug in a parser would, that no catch can hold
  if (response.status === 402) throw new CardRefused('the card is stolen');
  if (!response.ok) throw new Error(`the bank answered ${response.status}`);
};
