import type { Capabilities } from '@holdfast/core';

/** What each capability is, for people; a new one is a type error until it has its row. */
const rows: Readonly<Record<keyof Capabilities, string>> = {
  durable: 'a confirmed message survives a crash of the broker',
  replay: 'a new group may start at the earliest message',
  seek: 'a group can be moved',
  failsSuffix: 'several messages of a key in flight',
  balances: 'partitions are spread over the processes of a group',
  maxHoldMs: 'a retry waits in process for up to, in ms',
  maxBodyBytes: 'the largest body, in bytes',
};

/** The capabilities of several transports as a Markdown table, a column each. */
export const capabilitiesTable = (all: Readonly<Record<string, Capabilities>>): string => {
  const names = Object.keys(rows) as (keyof Capabilities)[];
  const lines = names.map((name) => [
    `${rows[name]} (\`${name}\`)`,
    ...Object.values(all).map((capabilities) => cell(capabilities[name])),
  ]);
  const head = ['', ...Object.keys(all)];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
};

const cell = (value: boolean | number): string => {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value === Number.MAX_SAFE_INTEGER ? 'any' : value.toLocaleString('en-US');
};
