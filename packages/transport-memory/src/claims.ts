import { balance } from './balance.ts';
import type { Partition } from './partition.ts';

/** What claims know of a topic. */
interface Topic {
  readonly name: string;
  readonly partitions: readonly Partition[];
}

/** The right of one member of a group to read a partition. */
export interface Claim {
  readonly topic: string;
  readonly partition: Partition;
  readonly token: string;
}

/** A subscription, as its group sees it. Neither call rejects. */
export interface Member {
  reads(topic: string): boolean;
  /** Starts on a partition. */
  take(claim: Claim): Promise<void>;
  /** Ends on it: after this the member hands nothing of it over and settles nothing. */
  give(claim: Claim): Promise<void>;
}

/** The subscriptions of one group and what each of them reads. */
export interface Claims {
  join(member: Member, topics: readonly Topic[]): void;
  /** Resolves when the member has given everything back. */
  leave(member: Member): Promise<void>;
  /** How many members read the topic. */
  readers(topic: string): number;
  /** Whether the member has what is its share, and nothing is on its way. */
  isSettled(member: Member): boolean;
}

/** A partition and who reads it. Handing over goes one step at a time: the old owner gives before the new one takes. */
interface Slot {
  readonly topic: string;
  readonly partition: Partition;
  target: Member | undefined;
  held: { readonly member: Member; readonly claim: Claim } | undefined;
  handedOver: number;
  moving: boolean;
}

export const createClaims = (): Claims => {
  const members: Member[] = [];
  const slots: Slot[] = [];
  const leaving = new Map<Member, () => void>();

  const rebalance = (): void => {
    const targets = balance(
      slots,
      members,
      (slot) => slot.target,
      (member, slot) => member.reads(slot.topic),
    );
    for (const slot of slots) {
      slot.target = targets.get(slot);
      if (!slot.moving && slot.held?.member !== slot.target) void handOver(slot, released);
    }
  };
  const holds = (member: Member): boolean => slots.some((slot) => slot.held?.member === member);
  const released = (member: Member): void => {
    if (!holds(member)) leaving.get(member)?.();
  };

  return {
    join: (member, topics) => {
      for (const topic of topics) {
        if (slots.some((slot) => slot.topic === topic.name)) continue;
        for (const partition of topic.partitions) slots.push(emptySlot(topic.name, partition));
      }
      members.push(member);
      rebalance();
    },
    leave: (member) => {
      const at = members.indexOf(member);
      if (at >= 0) members.splice(at, 1);
      rebalance();
      return new Promise((resolve) => {
        if (!holds(member)) return resolve();
        leaving.set(member, () => {
          leaving.delete(member);
          resolve();
        });
      });
    },
    readers: (topic) => members.filter((member) => member.reads(topic)).length,
    isSettled: (member) =>
      slots.every((slot) => (slot.target !== member && slot.held?.member !== member) || !slot.moving),
  };
};

const emptySlot = (topic: string, partition: Partition): Slot => ({
  topic,
  partition,
  target: undefined,
  held: undefined,
  handedOver: 0,
  moving: false,
});

/** Until the one who holds the slot is the one who should; the target may change meanwhile. */
const handOver = async (slot: Slot, released: (member: Member) => void): Promise<void> => {
  slot.moving = true;
  while (slot.held?.member !== slot.target) {
    const { held, target } = slot;
    if (held !== undefined) {
      await held.member.give(held.claim);
      slot.held = undefined;
      released(held.member);
    } else if (target !== undefined) {
      slot.handedOver++;
      const claim = { topic: slot.topic, partition: slot.partition, token: String(slot.handedOver) };
      slot.held = { member: target, claim };
      await target.take(claim);
    }
  }
  slot.moving = false;
};
