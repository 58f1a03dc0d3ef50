import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message, Transport } from '@holdfast/core';
import { assertHistory, type Child, eventually, openHistory, readHistory, spawnChild } from '../../harness/index.ts';

/** How many partitions the topic of a stage has. */
export const partitions = 6;
const keys = 30;

export interface GroupStageOptions {
  /** Publishes and looks at the group; it is not closed. */
  readonly transport: Transport;
  /** The module of a consumer, which calls `consumeInGroup`. */
  readonly consumer: URL;
  /** Its arguments before the stage's own. */
  readonly consumerArgs: readonly string[];
  /** What the broker's lag counts: whatever is not settled, or only what no process holds. */
  readonly lagCounts: 'unsettled' | 'undelivered';
}

/** A topic, a group of processes on it, and the history of what was published and what they did. */
export interface GroupStage {
  /** Starts a process that consumes in the group. Resolves when it has joined. */
  start(): Promise<Child>;
  /** Publishes so many messages of each key, numbered on. */
  publish(each: number): Promise<void>;
  /** Resolves when the group has nothing left to do. */
  drained(): Promise<void>;
  /** Checks what happened so far. */
  check(limits: { readonly maxDuplicates: number }): void;
  /** Kills the processes, and removes the history. */
  close(): Promise<void>;
}

export const openGroupStage = async (options: GroupStageOptions): Promise<GroupStage> => {
  const { transport, consumer, consumerArgs, lagCounts } = options;
  const topic = `processes-${crypto.randomUUID()}`;
  const group = `workers-of-${topic}`;
  const from = transport.capabilities.replay ? 'earliest' : 'latest';
  await transport.topology.apply({ topics: { [topic]: { partitions, groups: { [group]: from } } } });
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'));
  const file = join(folder, 'history.jsonl');
  const history = openHistory(file);
  const children: Child[] = [];
  let next = 0;
  const hasNothingLeft = async (): Promise<void> => {
    const { groups } = await transport.topology.describe(topic);
    assert.equal(groups[0]?.lag, 0);
    if (lagCounts === 'undelivered') assert.equal(effectsIn(file), next * keys);
  };
  return {
    start: async () => {
      const child = spawnChild(consumer, [...consumerArgs, topic, group, file]);
      children.push(child);
      await child.saw({ ready: true });
      return child;
    },
    publish: async (each) => {
      for (let round = 0; round < each; round++, next++) {
        const messages = messagesOf(next);
        await transport.publish(topic, messages);
        for (const { id, key } of messages) history.record({ f: 'publish', type: 'ok', id, key, seq: next });
      }
    },
    drained: () => eventually(hasNothingLeft, { timeoutMs: 30_000, everyMs: 50 }),
    check: (limits) => assertHistory(readHistory(file), limits),
    close: async () => {
      await Promise.all(children.map((child) => child.close()));
      history.close();
      rmSync(folder, { recursive: true });
    },
  };
};

/** One message of each key. */
const messagesOf = (seq: number): (Message & { readonly key: string })[] =>
  Array.from({ length: keys }, (_, key) => ({
    id: `key-${key}-${seq}`,
    type: 'test.message',
    key: `key-${key}`,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(`{"seq":${seq}}`),
  }));

/** How many messages had their effect. */
const effectsIn = (file: string): number =>
  new Set(readHistory(file).flatMap(({ f, id }) => (f === 'effect' ? [id] : []))).size;
