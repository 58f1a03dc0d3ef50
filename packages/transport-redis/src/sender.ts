import { EarlierFailedError, type Meter, type PublishOutcome } from '@holdfast/core';
import { createBatcher, createFailedPartitions } from '@holdfast/flow';
import type { Append } from './appender.ts';
import type { Topic } from './topic.ts';

/** The messages of one call that go to one partition, in order. */
export interface Portion {
  readonly entries: readonly Buffer[];
  readonly signal: AbortSignal | undefined;
  /** Called when some of it may have been sent. */
  onStart(): void;
}

/** Sends to one partition, one script at a time: what comes while one is on its way shares the next, in its order. */
export interface Sender {
  /** One outcome for each entry. Rejects if it was not even queued. */
  send(portion: Portion): Promise<readonly PublishOutcome[]>;
  idle(): Promise<void>;
}

/** What one script takes. Larger ones gain nothing, and hold up everybody else on the server. */
/** So much of messages goes into a script, and at least one of whatever size. */
export const scriptBytes = 2_097_152;

const limits = { messages: 500, bytes: scriptBytes };
/** How many portions may wait. */
const capacity = 10_000;

const ok: PublishOutcome = { outcome: 'ok' };

export interface SenderOptions {
  readonly topic: Topic;
  readonly partition: number;
  /** The most that a stream may hold: one script that brings more would never find room. */
  readonly maxMessages: number;
  readonly meter: Meter;
}

interface Accepted extends Portion {
  readonly sequence: number;
}

interface Piece {
  readonly entries: Buffer[];
  bytes: number;
}

/** A message that was not stored fails all that were accepted behind it. */
export const createSender = (append: Append, { topic, partition, maxMessages, meter }: SenderOptions): Sender => {
  const failures = createFailedPartitions();
  const here = [''];
  let accepted = 0;

  const run = async (portions: readonly Accepted[]): Promise<readonly (readonly PublishOutcome[])[]> => {
    meter.gauge('holdfast.redis.publish_queued', batcher.queued, { topic: topic.name, partition });
    const going = portions.map((portion) => whyNot(portion));
    const told: PublishOutcome[] = [];
    const entries = portions.flatMap((portion, n) => (going[n] === undefined ? portion.entries : []));
    portions.forEach((portion, n) => {
      if (going[n] === undefined) portion.onStart();
    });
    for (const piece of cut(entries, Math.min(limits.messages, maxMessages))) {
      const { stored, outcome } = await append(topic, partition, piece.entries);
      for (let n = 0; n < piece.entries.length; n++) told.push(n < stored || outcome === undefined ? ok : outcome);
      if (outcome === undefined) continue;
      failures.fail(here, outcome.error, accepted);
      const behind: PublishOutcome = { outcome: 'failed', error: new EarlierFailedError(topic.name, outcome.error) };
      while (told.length < entries.length) told.push(behind);
      break;
    }
    let at = 0;
    return portions.map((portion, n) => {
      const refused = going[n];
      if (refused !== undefined) return portion.entries.map(() => refused);
      at += portion.entries.length;
      return told.slice(at - portion.entries.length, at);
    });
  };

  /** Looks at portions in their order, so that one whose caller has given up fails those behind it. */
  const whyNot = ({ sequence, signal }: Accepted): PublishOutcome | undefined => {
    const earlier = failures.why(here, sequence);
    if (earlier !== undefined) return { outcome: 'failed', error: new EarlierFailedError(topic.name, earlier.error) };
    if (!signal?.aborted) return undefined;
    failures.fail(here, signal.reason, accepted);
    return { outcome: 'failed', error: signal.reason };
  };

  const batcher = createBatcher({ maxSize: limits.messages, capacity, run });
  return {
    send: (portion) => {
      accepted++;
      return batcher.submit({ ...portion, sequence: accepted });
    },
    idle: batcher.idle,
  };
};

const cut = (entries: readonly Buffer[], most: number): readonly Piece[] => {
  const pieces: Piece[] = [];
  for (const entry of entries) {
    const open = pieces.at(-1);
    if (open === undefined || open.entries.length >= most || open.bytes + entry.length > limits.bytes) {
      pieces.push({ entries: [entry], bytes: entry.length });
    } else {
      open.entries.push(entry);
      open.bytes += entry.length;
    }
  }
  return pieces;
};
