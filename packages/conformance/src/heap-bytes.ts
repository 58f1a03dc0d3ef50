import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** What this process holds in memory after a full collection, buffers included. */
export const heapBytes = (): number => {
  collect ??= exposeGc();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** V8 gives `gc` to contexts made after the flag was set. */
const exposeGc = (): (() => void) => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
};
