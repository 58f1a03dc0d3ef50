import type { Message } from '@holdfast/core';
import { createMessageLog, type MessageLog } from './message-log.ts';
import { createMovement } from './movement.ts';
import { createPublishTurns, type PublishTurns } from './publish-turns.ts';

/** One ordered slice of a topic: its kept messages, and where each group stands in them. */
export interface Partition {
  readonly number: number;
  readonly log: Pick<MessageLog, 'first' | 'next' | 'at'>;
  /** By group: the offset of the first message that it has not settled. */
  readonly positions: ReadonlyMap<string, number>;
  /** Puts a group somewhere, forwards or backwards; a group that is not known joins. */
  place(group: string, position: number): void;
  /** Moves a group forwards, never backwards. */
  advance(group: string, position: number): void;
  /** How many messages the slowest group has not settled. A topic without groups has none. */
  unsettled(): number;
  isFull(): boolean;
  store(message: Message): void;
  /** Lets the oldest message go that the slowest group has not settled, and returns it. */
  dropOldest(): Message | undefined;
  /** Resolves when a group has moved. */
  whenMoved(signal: AbortSignal): Promise<void>;
  readonly turns: PublishTurns;
  /** Called after each stored message. */
  readonly onStored: Set<() => void>;
}

export interface PartitionOptions {
  readonly topic: string;
  readonly number: number;
  readonly capacity: number;
  readonly retain: number;
  /** Told how many messages left for want of room before any group had seen them. */
  readonly onUnread: (count: number) => void;
  /** Told what {@link Partition.unsettled} is, whenever it has changed. */
  readonly onUnsettled: (partition: number, count: number) => void;
}

export const createPartition = (options: PartitionOptions): Partition => {
  const { topic, number, capacity, retain, onUnread, onUnsettled } = options;
  const log = createMessageLog();
  const positions = new Map<string, number>();
  const movement = createMovement();
  const onStored = new Set<() => void>();

  const slowest = (): number => {
    let position = log.next;
    for (const each of positions.values()) if (each < position) position = each;
    return position;
  };
  const unsettled = (): number => log.next - Math.max(slowest(), log.first);
  const trim = (): void => {
    const dropped = log.dropBefore(slowest() - retain);
    if (dropped > 0 && positions.size === 0) onUnread(dropped);
    onUnsettled(number, unsettled());
  };
  const place = (group: string, position: number): void => {
    positions.set(group, position);
    trim();
    movement.announce();
  };

  return {
    number,
    log,
    positions,
    place,
    advance: (group, position) => {
      if (position > (positions.get(group) ?? 0)) place(group, position);
    },
    unsettled,
    isFull: () => unsettled() >= capacity,
    store: (message) => {
      log.append(message);
      trim();
      for (const notify of onStored) notify();
    },
    dropOldest: () => {
      const oldest = Math.max(slowest(), log.first);
      const message = log.at(oldest);
      for (const [group, position] of positions) if (position <= oldest) positions.set(group, oldest + 1);
      log.dropBefore(oldest + 1);
      return message;
    },
    whenMoved: movement.next,
    turns: createPublishTurns(topic),
    onStored,
  };
};
