import {
  isHoldfastError,
  type Log,
  type Message,
  OversizedBodyError,
  PublishError,
  type PublishOutcome,
  type Transport,
} from '@holdfast/core';
import { type RelayRow, type RelaySink, rowMessage, type SendOutcome } from '@holdfast/relay';
import { refusalOf, TransportRefusesError } from './refusal.ts';

/**
 * Publishes rows through a transport. What a `PublishError` says of each message is its outcome; any other error leaves
 * all of them unknown, unless Holdfast itself refused them before anything was sent. A refusal that speaks of the
 * message parks it; any other is an error for the log, and the message is tried again.
 */
export const outboxSink = (transport: Transport, log: Log): RelaySink => {
  const { maxBodyBytes, failsSuffix } = transport.capabilities;
  /** Refusals of the transport, by their code, since something was published: each is logged once. */
  const complaints = new Set<string>();

  /** What the refusal of one message means. */
  const blame = (error: unknown): SendOutcome => {
    if (isHoldfastError(error, 'closed')) return { outcome: 'unknown', error };
    if (!isHoldfastError(error) || refusalOf(error) !== 'transport') return { outcome: 'failed', error };
    if (!complaints.has(error.code)) log.error({ error }, 'the transport refuses what the outbox holds; trying again');
    complaints.add(error.code);
    return { outcome: 'failed', error: new TransportRefusesError(error) };
  };

  /**
   * Where a whole batch was refused for good with one error, only the first row is blamed: the others may be innocent. A
   * transport that was closed says nothing about any row.
   */
  const blameOne = (outcomes: readonly PublishOutcome[]): readonly SendOutcome[] => {
    const blamed = new Set<unknown>();
    return outcomes.map((outcome) => {
      if (outcome.outcome !== 'failed' || refusalOf(outcome.error) === undefined) return outcome;
      const { error } = outcome;
      if (isHoldfastError(error, 'closed') || isHoldfastError(error, 'unknown_topic')) return blame(error);
      if (blamed.has(error)) return later;
      blamed.add(error);
      return blame(error);
    });
  };

  const publish = async (
    topic: string,
    messages: readonly Message[],
    signal: AbortSignal,
  ): Promise<readonly SendOutcome[]> => {
    try {
      await transport.publish(topic, messages, { signal });
      complaints.clear();
      return messages.map(() => ok);
    } catch (error) {
      if (error instanceof PublishError) return blameOne(error.outcomes);
      if (isHoldfastError(error, 'publish_failed') && 'outcomes' in error) return blameOne(outcomesIn(error.outcomes));
      const refused = refusalOf(error) !== undefined && !isHoldfastError(error, 'closed') && !signal.aborted;
      if (!refused) return messages.map(() => ({ outcome: 'unknown', error }));
      if (messages.length === 1 || isHoldfastError(error, 'unknown_topic')) return messages.map(() => blame(error));
      return oneByOne(topic, messages, signal);
    }
  };
  /** Somewhere among them is one that the transport does not take; it does not say which. */
  const oneByOne = async (
    topic: string,
    messages: readonly Message[],
    signal: AbortSignal,
  ): Promise<readonly SendOutcome[]> => {
    const outcomes: SendOutcome[] = [];
    for (const message of messages) {
      const [outcome = later] = await publish(topic, [message], signal);
      outcomes.push(outcome);
      if (outcome.outcome !== 'ok') break;
    }
    return messages.map((_, index) => outcomes[index] ?? later);
  };
  return {
    failsSuffix,
    send: async (rows, signal) => {
      const [first] = rows;
      if (first === undefined) return [];
      const messages = rows.map(rowMessage);
      const oversized = messages.findIndex(({ body }) => body.byteLength > maxBodyBytes);
      if (oversized === -1) return publish(first.topic, messages, signal);
      return splitAt(oversized, rows, messages);
    },
  };

  function splitAt(at: number, rows: readonly RelayRow[], messages: readonly Message[]): readonly SendOutcome[] {
    const { id = '', body = new Uint8Array() } = messages[at] ?? {};
    const error = new OversizedBodyError(id, body.byteLength, maxBodyBytes);
    return rows.map((_, index) => (index === at ? { outcome: 'failed', error } : later));
  }
};

const ok: SendOutcome = { outcome: 'ok' };
/** Not tried: it goes with the next hand-over. */
const later: SendOutcome = { outcome: 'later', delayMs: 0, spent: false };

/** Of another copy of the package. */
const outcomesIn = (outcomes: unknown): readonly PublishOutcome[] => outcomes as readonly PublishOutcome[];
