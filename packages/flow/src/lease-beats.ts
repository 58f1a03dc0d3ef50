import { type Runtime, reach } from '@holdfast/core';

export interface LeaseBeatsOptions {
  readonly scope: string;
  readonly leaseMs: number;
  readonly runtime: Runtime;
  /** No beat is sent while a release is on its way, so that each sees what the other did. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  /** Sends one beat and waits for its answer up to `timeoutMs`; the result is applied only if the answer came in time. */
  readonly send: (timeoutMs: number) => Promise<() => void>;
  /** One got no answer in time, or was refused. */
  readonly onFailed: (error: unknown) => void;
  /** The deadline has passed without a newer one. */
  readonly onDeadline: () => void;
}

/** The rhythm of a member: three beats per lease, sooner after a failure, and the deadline that they move. */
export interface LeaseBeats {
  /** Sends one now, or joins one that has not been sent yet. Rejects if it got no answer in time. */
  beat(): Promise<void>;
  /** Until when the leases hold, by the monotonic clock. */
  readonly deadline: number;
  /** Whether one was ever asked for: this member may be known in the store. */
  readonly begun: boolean;
  /** Why the last beat failed. */
  readonly failure: unknown;
  stop(): void;
}

/** How much earlier than the store an owner lets go: clocks may run at different speeds. */
const marginShare = 0.1;

export const leaseBeats = (options: LeaseBeatsOptions): LeaseBeats => {
  const { scope, leaseMs, inTurn, send, onFailed, onDeadline } = options;
  const { clock, log, random } = options.runtime;
  const beatMs = leaseMs / 3;
  let deadline = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let begun = false;
  let stopped = false;
  let cancelBeat = (): void => {};
  let cancelDeadline = (): void => {};
  let next: Promise<void> | undefined;

  const moveDeadline = (to: number): void => {
    deadline = to;
    cancelDeadline();
    cancelDeadline = clock.after(to - clock.monotonic(), onDeadline);
  };
  const schedule = (delayMs: number): void => {
    cancelBeat();
    if (!stopped) cancelBeat = clock.after(delayMs * (0.8 + 0.2 * random()), () => void beat().catch(() => {}));
  };
  const sendOne = async (): Promise<void> => {
    await reach('lease.beforeRenew');
    const sentAt = clock.monotonic();
    const apply = await send(beatMs);
    const until = sentAt + leaseMs * (1 - marginShare);
    if (stopped || clock.monotonic() >= until) return;
    moveDeadline(until);
    apply();
  };
  const beat = (): Promise<void> => {
    begun = true;
    next ??= inTurn(async () => {
      next = undefined;
      cancelBeat();
      try {
        await sendOne();
        if (failure !== undefined) log.info({ scope }, 'leases are renewed again');
        failure = undefined;
        schedule(beatMs);
      } catch (error) {
        if (failure === undefined && !stopped) log.warn({ error, scope }, 'leases could not be renewed; trying again');
        failure = error;
        schedule(leaseMs / 10);
        onFailed(error);
        throw error;
      }
    });
    return next;
  };
  return {
    beat,
    get deadline() {
      return deadline;
    },
    get begun() {
      return begun;
    },
    get failure() {
      return failure;
    },
    stop: () => {
      stopped = true;
      cancelBeat();
      cancelDeadline();
    },
  };
};
