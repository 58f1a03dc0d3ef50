import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is said to a server of which nothing is known yet, and what its answer means. */
export interface Question<T> {
  readonly host: string;
  readonly port: number;
  readonly bytes: Uint8Array;
  /** Reads what has come so far; `undefined` as long as it is no whole answer. */
  readonly read: (answer: Buffer) => T | undefined;
}

const startTimeoutMs = 60_000;

/** Asks once, on a connection of its own. Rejects when there is no answer in time. */
export const ask = async <T>({ host, port, bytes, read }: Question<T>, { timeoutMs = 5_000 } = {}): Promise<T> => {
  const socket = connect({ host, port, noDelay: true });
  try {
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`${host}:${port} says nothing`)));
    await once(socket, 'connect');
    socket.write(bytes);
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk]);
      const found = read(answer);
      if (found !== undefined) return found;
    }
    throw new Error(`${host}:${port} hung up; it said ${JSON.stringify(answer.toString('latin1'))}`);
  } finally {
    socket.destroy();
  }
};

/** Asks until there is an answer, for at most a minute. `assertAlive` throws when there is nothing to wait for. */
export const askUntilAnswered = async <T>(question: Question<T>, assertAlive: () => void = () => {}): Promise<T> => {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      return await ask(question);
    } catch (error) {
      assertAlive();
      if (performance.now() > deadline) throw error;
    }
    await sleep(20);
  }
};
