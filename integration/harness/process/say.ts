import { createInterface } from 'node:readline';

/** What a child and its parent say to each other: one JSON object on one line. */
export type Line = Readonly<Record<string, unknown>>;

/** In a child: tells the parent. What was said before a `kill -9` arrives, since a pipe is written to synchronously. */
export const say = (line: Line): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

/** In a child: what the parent tells, until the parent is gone. Who stops listening may end by itself. */
export async function* told(): AsyncGenerator<Line> {
  try {
    for await (const text of createInterface({ input: process.stdin })) yield JSON.parse(text);
  } finally {
    process.stdin.unref();
  }
}
