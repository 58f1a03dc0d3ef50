import { EarlierFailedError, type PublishOutcome } from '@holdfast/core';
import { createFifo, type Fifo } from '@holdfast/flow';
import { type Sending, settle } from './sending.ts';

export type Failure = Exclude<PublishOutcome, { readonly outcome: 'ok' }>;

/** What is to be sent: at most one of a lane is ready or on its way, and one that fails fails those that wait behind it. */
export interface SendingLanes {
  push(sending: Sending): void;
  /** The next that may go; its lane is held until it leaves. */
  next(): Sending | undefined;
  /** It did not go, and is to go again. */
  again(sending: Sending): void;
  /** It is stored: the next of its lane may go. */
  leave(sending: Sending): void;
  fail(sending: Sending, failure: Failure): void;
  /** It is not to be sent. Its own outcome is given already. */
  withdraw(sending: Sending, error: unknown): void;
  /** How many wait to be sent. */
  readonly queued: number;
}

/** So many withdrawn ones may stand among those that are ready. */
const maxWithdrawn = 64;

export const createSendingLanes = (): SendingLanes => {
  const ready = createFifo<Sending>();
  /** Who waits in a lane for the one of it that is ready or on its way. */
  const lanes = new Map<string, Fifo<Sending> | undefined>();
  let queued = 0;
  let withdrawn = 0;

  const push = (sending: Sending): void => {
    const { lane } = sending;
    queued++;
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

  const next = (): Sending | undefined => {
    for (;;) {
      const sending = ready.shift();
      if (sending?.state !== 'withdrawn') {
        if (sending !== undefined) queued--;
        return sending;
      }
      withdrawn--;
      leave(sending);
    }
  };

  const leave = ({ lane }: Sending): void => {
    if (lane === undefined) return;
    const following = lanes.get(lane)?.shift();
    if (following === undefined) lanes.delete(lane);
    else makeReady(following);
  };

  const failBehind = ({ lane, call }: Sending, match: (one: Sending) => boolean, cause: unknown): void => {
    const waiting = lane === undefined ? undefined : lanes.get(lane);
    if (waiting === undefined || waiting.size === 0) return;
    const behind = waiting.remove(match);
    queued -= behind.length;
    if (behind.length === 0) return;
    const failure: Failure = { outcome: 'failed', error: new EarlierFailedError(call.topic, cause) };
    for (const one of behind) settle(one, failure);
  };

  const withdraw = (sending: Sending, error: unknown): void => {
    let behind = sending.state !== 'waiting';
    failBehind(
      sending,
      (one) => {
        behind ||= one === sending;
        return behind;
      },
      error,
    );
    if (sending.state !== 'ready') return;
    sending.state = 'withdrawn';
    queued--;
    withdrawn++;
    if (withdrawn > maxWithdrawn && withdrawn * 2 > ready.size) sweep();
  };

  const sweep = (): void => {
    withdrawn = 0;
    for (const sending of ready.remove(({ state }) => state === 'withdrawn')) leave(sending);
  };

  return {
    push,
    next,
    again: (sending) => {
      if (sending.call.over) {
        leave(sending);
        return;
      }
      queued++;
      makeReady(sending);
    },
    leave,
    fail: (sending, failure) => {
      settle(sending, failure);
      failBehind(sending, () => true, failure.error);
      leave(sending);
    },
    withdraw,
    get queued() {
      return queued;
    },
  };
};
