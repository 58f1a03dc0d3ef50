import { type Runtime, reach, sleep } from '@holdfast/core';
import { checkText } from './check-text.ts';
import type { WonClaim } from './claim.ts';
import { ClaimLostError, NotRecordedError } from './errors.ts';
import type { IdempotencyStore, Settling, Standing } from './idempotency-store.ts';
import type { Keeper, Keeping } from './keeper.ts';

export interface WonClaimOptions {
  readonly store: IdempotencyStore;
  readonly keeper: Keeper;
  readonly runtime: Runtime;
  readonly leaseMs: number;
  readonly ttlMs: number;
  readonly maxResultBytes: number;
}

/** Where the claim ends in time, by the monotonic clock. */
export interface Won {
  readonly key: string;
  readonly token: string;
  readonly deadline: number;
}

const pause = { firstMs: 20, longestMs: 1_000 };

/** Keeps a claim that the store has given until one of its ends. */
export const createWonClaim = ({ key, token, deadline }: Won, options: WonClaimOptions): WonClaim => {
  const { store, keeper, runtime, leaseMs, ttlMs, maxResultBytes } = options;
  const { clock, log } = runtime;
  let lost: ClaimLostError | undefined;
  let controller: AbortController | undefined;
  let ended = false;
  const keeping: Keeping = {
    key,
    token,
    deadline,
    onLost: (error) => {
      lost = error;
      controller?.abort(error);
    },
  };
  keeper.keep(keeping);

  /** Sending it again is harmless: the store gives the answer that was lost. */
  const settle = async (settling: Settling): Promise<Standing> => {
    const giveUpAt = clock.monotonic() + leaseMs;
    for (let delayMs = pause.firstMs; ; delayMs = Math.min(delayMs * 2, pause.longestMs)) {
      try {
        const [standing] = await store.settle([settling]);
        return standing ?? 'lost';
      } catch (error) {
        if (lost !== undefined || clock.monotonic() + delayMs >= giveUpAt) {
          throw new NotRecordedError(key, error);
        }
        log.warn({ error, key }, 'the end of an idempotency key could not be recorded; trying again');
        await sleep(clock, delayMs);
      }
    }
  };

  const record = async (end: Settling['end']): Promise<void> => {
    if (ended) return;
    ended = true;
    try {
      const reached = reach('idempotency.beforeRecord');
      if (reached !== undefined) await reached;
      const standing = await settle({ key, token, ttlMs, end });
      if (standing === 'lost')
        throw lost ?? new ClaimLostError(key, 'the store gave it to another, or no longer knows it');
    } finally {
      keeper.letGo(keeping);
    }
  };

  const claim = Object.create(claimPrototype) as OwnClaim;
  claim.outcome = 'won';
  claim.token = token;
  claim[makeSignal] = () => {
    controller ??= new AbortController();
    if (lost !== undefined) controller.abort(lost);
    return controller.signal;
  };
  claim.complete = async (result) => {
    if (result !== undefined) checkText('result', result);
    const kept = result !== undefined && fits(result, maxResultBytes) ? result : undefined;
    await record({ outcome: 'done', result: kept });
  };
  claim.fail = async (reason) => {
    await record({ outcome: 'failed', reason: reason.replaceAll('\0', '').slice(0, maxReasonLength).toWellFormed() });
  };
  claim.release = async () => {
    if (ended) return;
    ended = true;
    keeper.letGo(keeping);
    try {
      await store.settle([{ key, token, ttlMs, end: { outcome: 'released' } }]);
    } catch (error) {
      log.warn({ error, key }, 'an idempotency key could not be given back; it is free when its lease ends');
    }
  };
  return claim;
};

const makeSignal: unique symbol = Symbol('makeSignal');

/** The signal comes from the prototype, everything else is the claim's own. */
type OwnClaim = { -readonly [Part in Exclude<keyof WonClaim, 'signal'>]: WonClaim[Part] } & {
  readonly signal: AbortSignal;
  [makeSignal]: () => AbortSignal;
};

/** A signal that is made when it is asked for. On a prototype, because a getter of its own would cost a claim four times as much. */
const claimPrototype = {
  get signal(): AbortSignal {
    return (this as unknown as OwnClaim)[makeSignal]();
  },
};

const maxReasonLength = 1_000;

const fits = (text: string, maxBytes: number): boolean =>
  text.length <= maxBytes && (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes);
