import type { Entry } from './entry.ts';

/** What a history says of one message, summed up. */
export interface MessageRecord {
  readonly id: string;
  /** As published, or as first seen where nobody published it. */
  key: string | undefined;
  seq: number | undefined;
  readonly publishes: Record<Entry['type'], number>;
  /** How often it surely took effect. */
  effects: number;
  /** Whether a handler had it at all. */
  handled: boolean;
  /** Whether it is parked at the end. */
  parked: boolean;
}

/** Sums `history` up per message. Publications are told before what comes of them. */
export const messageRecords = (history: readonly Entry[]): ReadonlyMap<string, MessageRecord> => {
  const records = new Map<string, MessageRecord>();
  const publications = history.filter(({ f }) => f === 'publish');
  const others = history.filter(({ f }) => f !== 'publish' && f !== 'write');
  for (const entry of [...publications, ...others]) {
    const record = records.get(entry.id) ?? newRecord(entry);
    records.set(entry.id, record);
    include(record, entry);
  }
  return records;
};

export const surelyPublished = ({ publishes }: MessageRecord): boolean => publishes.ok > 0;

/** Whether every attempt to publish it surely failed, or there was none. */
export const neverPublished = ({ publishes: { invoke, ok, fail, info } }: MessageRecord): boolean =>
  ok === 0 && info === 0 && invoke <= fail;

const newRecord = ({ id, key, seq }: Entry): MessageRecord => ({
  id,
  key,
  seq,
  publishes: { invoke: 0, ok: 0, fail: 0, info: 0 },
  effects: 0,
  handled: false,
  parked: false,
});

const include = (record: MessageRecord, { f, type }: Entry): void => {
  if (f === 'publish') record.publishes[type] += 1;
  if (f === 'effect') record.handled = true;
  if (type !== 'ok') return;
  if (f === 'effect') record.effects += 1;
  if (f === 'park') record.parked = true;
  if (f === 'unpark') record.parked = false;
};
