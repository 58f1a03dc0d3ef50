import assert from 'node:assert/strict';
import { type Message, PublishError, type PublishOutcome, type Transport } from '@holdfast/core';
import type { Witness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

/** A message and what its publisher was told of it. */
export interface Told {
  readonly id: string;
  readonly outcome: PublishOutcome;
}

/** What the publisher of `messages` was told. */
export const toldOf = async (published: Promise<void>, messages: readonly Message[]): Promise<readonly Told[]> => {
  const outcomes = await outcomesOf(published, messages);
  assert.equal(outcomes.length, messages.length);
  return messages.map(({ id }, index) => ({ id, outcome: outcomes[index] ?? { outcome: 'ok' } }));
};

const outcomesOf = async (
  published: Promise<void>,
  messages: readonly Message[],
): Promise<readonly PublishOutcome[]> => {
  try {
    await published;
    return messages.map(() => ({ outcome: 'ok' }));
  } catch (error) {
    assert.ok(error instanceof PublishError, `expected a PublishError, found ${error}`);
    return error.outcomes;
  }
};

export interface Reading {
  readonly bench: TransportBench;
  readonly transport: Transport;
  readonly topic: string;
  readonly witness: Witness;
}

/** What was `ok` comes; what `failed` has not come when the topic's groups have settled everything. */
export const checkTold = async (
  { bench, transport, topic, witness }: Reading,
  told: readonly Told[],
): Promise<void> => {
  await bench.eventually(() => {
    for (const { id, outcome } of told) {
      if (outcome.outcome === 'ok') assert.ok(witness.acked.includes(id), `'${id}' was reported ok and never came`);
    }
  });
  await bench.eventually(async () => {
    const { groups } = await transport.topology.describe(topic);
    for (const { group, lag } of groups) assert.equal(lag, 0, `group '${group}' has ${lag} messages left`);
  });
  for (const { id, outcome } of told) {
    if (outcome.outcome === 'failed') assert.ok(!witness.ids.includes(id), `'${id}' was reported failed and came`);
  }
};
