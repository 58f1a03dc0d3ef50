import type { Runtime } from '@holdfast/core';
import type { Connection } from './connection.ts';
import { ackEntries } from './lua/ack.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { replyCode } from './reply-error.ts';
import { runScript } from './script.ts';

/** Acks what is settled, in order, one script at a time for each partition. */
export interface Acker {
  /** Everything up to here is settled. */
  settle(partition: OwnedPartition, position: string): void;
  /** These are settled whatever is before them: there is nothing to hand over. */
  drop(partition: OwnedPartition, ids: readonly string[]): void;
  /** Acks what is settled so far. A failure is logged: those messages will be delivered again. */
  flush(partition: OwnedPartition): Promise<void>;
  /** Why the last ack failed. */
  readonly failure: unknown;
}

export interface AckerOptions {
  readonly connection: Connection;
  readonly group: string;
  readonly runtime: Runtime;
  /** The partition has another owner. */
  readonly onFenced: (partition: OwnedPartition) => void;
}

/** What is settled within so long goes together: a script for each message would cost more than its read. */
const gatherMs = 5;
const againMs = 200;
const mostAtOnce = 5_000;

export const createAcker = ({ connection, group, runtime, onFenced }: AckerOptions): Acker => {
  const { clock, log } = runtime;
  const flying = new Map<OwnedPartition, Promise<void>>();
  const scheduled = new Set<OwnedPartition>();
  let failure: unknown;

  const schedule = (partition: OwnedPartition, delayMs = gatherMs): void => {
    if (scheduled.has(partition)) return;
    scheduled.add(partition);
    const start = (): void => {
      scheduled.delete(partition);
      if (!flying.has(partition) && partition.settled.length > 0) void send(partition).catch(() => {});
    };
    clock.after(delayMs, start);
  };

  const send = (partition: OwnedPartition): Promise<void> => {
    const sent = ackSettled(partition).finally(() => {
      flying.delete(partition);
    });
    flying.set(partition, sent);
    sent.then(
      () => partition.settled.length > 0 && schedule(partition),
      () => schedule(partition, againMs),
    );
    return sent;
  };

  const ackSettled = async (partition: OwnedPartition): Promise<void> => {
    if (!partition.lease.holds()) {
      partition.settled = [];
      failure = undefined;
      return;
    }
    const ids = partition.settled.slice(0, mostAtOnce);
    try {
      await runScript(connection, ackEntries, { keys: partition.keys, args: [group, partition.lease.epoch, ...ids] });
      failure = undefined;
    } catch (error) {
      if (replyCode(error) === 'FENCED') {
        partition.settled = [];
        onFenced(partition);
        return;
      }
      if (failure === undefined) log.warn({ error, ...partition.assignment, group }, 'acks failed; trying again');
      failure = error;
      throw error;
    }
    partition.settled.splice(0, ids.length);
  };

  return {
    settle: (partition, position) => {
      const at = partition.open.indexOf(position);
      partition.settled.push(...partition.open.splice(0, at + 1));
      if (!flying.has(partition)) schedule(partition);
    },
    drop: (partition, ids) => {
      partition.settled.push(...ids);
      if (!flying.has(partition)) schedule(partition);
    },
    flush: async (partition) => {
      for (let tries = 0; tries < 3 && partition.settled.length > 0; tries++) {
        await (flying.get(partition) ?? send(partition)).catch(() => {});
      }
      if (partition.settled.length === 0) return;
      log.warn({ ...partition.assignment, group }, 'what was settled last could not be acked; it is delivered again');
      partition.settled = [];
      failure = undefined;
    },
    get failure() {
      return failure;
    },
  };
};
