import { say } from '../../../harness/index.ts';

it('never ends', (_done) => {
  say({ pid: process.pid });
  setInterval(() => {}, 1_000);
}).timeout(60_000);
