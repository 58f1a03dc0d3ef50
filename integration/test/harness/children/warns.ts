import { setTimeout as sleep } from 'node:timers/promises';

setTimeout(() => {}, 2 ** 31);
await sleep(60_000);
