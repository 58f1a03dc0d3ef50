import type { Fetched, KafkaRecord } from './driver.ts';
import type { FetchedData, FetchedMessage } from './fetched-data.ts';

/** What of a fetched partition is for readers: not what is before the offset asked for, of aborted transactions, or a marker. */
export const readFetched = (
  { messages, abortedTransactions, end = endOf(messages), bytes }: FetchedData,
  from: bigint,
): Pick<Fetched, 'records' | 'next' | 'bytes'> => {
  const isAborted = abortedBy(abortedTransactions ?? []);
  // A batch comes whole, also where it was asked for from its middle.
  let skip = 0;
  while (skip < messages.length && BigInt(messages[skip]?.offset ?? 0) < from) skip++;
  const records: KafkaRecord[] = [];
  for (let at = skip; at < messages.length; at++) {
    const message = messages[at];
    if (message !== undefined && !isAborted(message) && message.isControlRecord !== true) records.push(message);
  }
  return { records, next: end > from ? end : from, bytes: bytes ?? bytesOf(messages) };
};

const endOf = (messages: readonly FetchedMessage[]): bigint => BigInt(messages.at(-1)?.offset ?? -1) + 1n;

const bytesOf = (messages: readonly FetchedMessage[]): number => {
  let bytes = 0;
  for (const { key, value, headers } of messages) {
    bytes += (key?.length ?? 0) + (value?.length ?? 0);
    for (const name in headers) bytes += name.length + String(headers[name] ?? '').length;
  }
  return bytes;
};

/** The aborted transactions of a fetch in the order of their first offsets; a marker ends one of its producer. */
const abortedBy = (
  transactions: readonly { readonly producerId: string; readonly firstOffset: string }[],
): ((message: FetchedMessage) => boolean) => {
  if (transactions.length === 0) return () => false;
  const ahead = [...transactions];
  const aborting = new Set<string>();
  return ({ offset, batchContext, isControlRecord }) => {
    for (let next = ahead[0]; next !== undefined && BigInt(offset) >= BigInt(next.firstOffset); next = ahead[0]) {
      aborting.add(next.producerId);
      ahead.shift();
    }
    if (batchContext === undefined || !batchContext.inTransaction) return false;
    if (isControlRecord === true) {
      aborting.delete(batchContext.producerId);
      return true;
    }
    return aborting.has(batchContext.producerId);
  };
};
