/** One hand-over of a message, as a receiver saw it. Times are of one monotonic clock. */
export interface HandOver {
  readonly id: string;
  readonly key: string | undefined;
  readonly startedAt: number;
  /** Undefined while it runs, and for ever when it was abandoned. */
  readonly ended: { readonly at: number; readonly settled: boolean } | undefined;
}

/**
 * How the hand-overs break the order per key: the first deliveries of a key come in the order of `published`, and one
 * does not start while an earlier one is unsettled. Later copies are no fault. Empty for a good history.
 */
export const orderFaults = (
  published: readonly { readonly id: string; readonly key?: string | undefined }[],
  history: readonly HandOver[],
): readonly string[] => {
  const messages = summarise(history);
  const faults: string[] = [];
  const latest = new Map<string, string>();
  for (const { id, key } of published) {
    const message = messages.get(id);
    if (key === undefined || message === undefined) continue;
    const earlierId = latest.get(key);
    const earlier = earlierId === undefined ? undefined : messages.get(earlierId);
    latest.set(key, id);
    if (earlier !== undefined && message.firstStart < earlier.settledAt) {
      faults.push(
        `key '${key}': '${id}' started at ${message.firstStart}, '${earlierId}' before it was ${settledText(earlier)}`,
      );
    }
  }
  return [...faults, ...gaps(published, messages)];
};

interface Summary {
  readonly firstStart: number;
  /** Infinity: never. */
  readonly settledAt: number;
}

const summarise = (history: readonly HandOver[]): Map<string, Summary> => {
  const messages = new Map<string, Summary>();
  for (const { id, startedAt, ended } of history) {
    const known = messages.get(id) ?? { firstStart: Number.POSITIVE_INFINITY, settledAt: Number.POSITIVE_INFINITY };
    messages.set(id, {
      firstStart: Math.min(known.firstStart, startedAt),
      settledAt: ended?.settled ? Math.min(known.settledAt, ended.at) : known.settledAt,
    });
  }
  return messages;
};

const settledText = ({ settledAt }: Summary): string =>
  settledAt === Number.POSITIVE_INFINITY ? 'never settled' : `settled at ${settledAt}`;

/** A message that never came although a later one of its key did. */
const gaps = (
  published: readonly { readonly id: string; readonly key?: string | undefined }[],
  messages: ReadonlyMap<string, Summary>,
): string[] => {
  const missing = new Map<string, string>();
  const faults: string[] = [];
  for (const { id, key } of published) {
    if (key === undefined) continue;
    const skipped = missing.get(key);
    if (!messages.has(id)) missing.set(key, skipped ?? id);
    else if (skipped !== undefined) faults.push(`key '${key}': '${id}' came, '${skipped}' before it never did`);
  }
  return faults;
};
