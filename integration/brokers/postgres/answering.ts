import { setTimeout as sleep } from 'node:timers/promises';
import { postgresVersion } from './postgres-version.ts';

const startTimeoutMs = 60_000;

/** Waits until the server at `url` answers, and says its version. `assertAlive` throws when there is nothing to wait for. */
export const answering = async (url: string, assertAlive: () => void = () => {}): Promise<string> => {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      return await postgresVersion(url);
    } catch (error) {
      assertAlive();
      if (performance.now() > deadline) throw error;
    }
    await sleep(20);
  }
};
