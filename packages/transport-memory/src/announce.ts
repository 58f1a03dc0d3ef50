import { type Assignment, type Runtime, type SubscribeOptions, sleep } from '@holdfast/core';
import { resultOrAborted } from './deadline.ts';

/** Tells a subscriber what it owns. */
export interface Announcer {
  /** Resolves with true when the subscriber has taken note, with false when `signal` aborted before. */
  assigned(assignment: Assignment, signal: AbortSignal): Promise<boolean>;
  /** Resolves when the subscriber has taken note or `signal` aborts. Nothing for what was never announced. */
  revoked(assignment: Assignment, signal: AbortSignal): Promise<void>;
}

/** How long a failed `onAssigned` waits before it is called again. */
const againMs = 1_000;

/** A callback that throws is logged: `onAssigned` is called again until it works, `onRevoked` counts as done. */
export const announcer = (
  { group, onAssigned, onRevoked }: Pick<SubscribeOptions, 'group' | 'onAssigned' | 'onRevoked'>,
  { clock, log }: Runtime,
): Announcer => {
  const known = new Set<string>();
  const placeOf = ({ topic, partition, token }: Assignment): string => `${topic}\n${partition}\n${token}`;

  const tell = async (assignment: Assignment): Promise<boolean> => {
    try {
      await onAssigned?.(assignment);
      return true;
    } catch (error) {
      log.error({ ...assignment, group, error }, 'onAssigned failed; it will be called again');
      return false;
    }
  };

  const assigned = async (assignment: Assignment, signal: AbortSignal): Promise<boolean> => {
    while (!signal.aborted) {
      known.add(placeOf(assignment));
      if ((await resultOrAborted(tell(assignment), signal)) === true) return true;
      await sleep(clock, againMs, signal).catch(() => {});
    }
    return false;
  };

  const revoked = async (assignment: Assignment, signal: AbortSignal): Promise<void> => {
    if (!known.delete(placeOf(assignment))) return;
    const call = async (): Promise<void> => onRevoked?.(assignment, signal);
    const told = call().catch((error) => log.error({ ...assignment, group, error }, 'onRevoked failed'));
    await resultOrAborted(told, signal);
  };

  return { assigned, revoked };
};
