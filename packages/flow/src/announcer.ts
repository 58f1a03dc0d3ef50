import { type Assignment, type Runtime, type SubscribeOptions, sleep } from '@holdfast/core';
import { settledOrAborted } from './settled-or-aborted.ts';

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
export const createAnnouncer = (
  { group, onAssigned, onRevoked }: Pick<SubscribeOptions, 'group' | 'onAssigned' | 'onRevoked'>,
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Announcer => {
  const known = new Set<string>();

  const tell = async (assignment: Assignment): Promise<boolean> => {
    try {
      await onAssigned?.(assignment);
      return true;
    } catch (error) {
      log.error({ ...assignment, group, error }, 'onAssigned failed; it will be called again');
      return false;
    }
  };

  return {
    assigned: async (assignment, signal) => {
      while (!signal.aborted) {
        known.add(placeOf(assignment));
        let noted = false;
        const told = tell(assignment).then((worked) => {
          noted = worked;
        });
        await settledOrAborted(told, signal);
        if (noted) return !signal.aborted;
        await sleep(clock, againMs, signal).catch(() => {});
      }
      return false;
    },
    revoked: async (assignment, signal) => {
      if (!known.delete(placeOf(assignment))) return;
      const call = async (): Promise<void> => onRevoked?.(assignment, signal);
      const told = call().catch((error) => log.error({ ...assignment, group, error }, 'onRevoked failed'));
      await settledOrAborted(told, signal);
    },
  };
};

const placeOf = ({ topic, partition, token }: Assignment): string => `${topic}\n${partition}\n${token}`;
