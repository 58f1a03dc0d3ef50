import type { Runtime } from '@holdfast/core';
import { type Bell, settledOrAborted } from '@holdfast/flow';
import type { AmqpConnection } from './amqp.ts';
import { endIfSilent } from './end-if-silent.ts';
import { isLoss } from './persevere.ts';
import type { Share } from './share.ts';

export interface LookAfterOptions {
  readonly connection: AmqpConnection;
  readonly shares: readonly Share[];
  /** Aborts when the connection has gone or the subscription closes. */
  readonly over: AbortSignal;
  /** Rings when the next look should not wait. */
  readonly bell: Bell;
  readonly balanceMs: number;
  /** How long a look may take before the connection has to show that it lives. */
  readonly answerMs: number;
  readonly runtime: Pick<Runtime, 'clock'>;
  /** After each look, with why a share of it failed. */
  readonly onLooked: (failure: unknown) => void;
}

const afterFailureMs = 1_000;

/** Looks after the shares again and again; one that fails holds up none of the others. */
export const lookAfter = async (options: LookAfterOptions): Promise<void> => {
  const { connection, shares, over, bell, balanceMs, answerMs, runtime, onLooked } = options;

  const look = async (): Promise<unknown> => {
    const looking = Promise.allSettled(shares.map((share) => share.tick()));
    await settledOrAborted(endIfSilent({ connection, answerMs, clock: runtime.clock }, looking), over);
    if (over.aborted) return undefined;
    const failures = (await looking).flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    return failures.find((error) => !isLoss(error)) ?? failures[0];
  };

  while (!over.aborted) {
    const failure = await look();
    if (over.aborted) return;
    onLooked(failure);
    const settled = shares.every(({ missing }) => missing === undefined);
    const waitMs = failure === undefined ? balanceMs / (settled ? 1 : 4) : Math.max(balanceMs, afterFailureMs);
    await bell.wait(waitMs, over);
  }
};
