import { Pool } from 'pg';
import { PgBoss } from 'pg-boss';
import { bareTransaction } from '../world/shop.ts';
import type { Peer, PeerMessage } from './peer.ts';

export const pgBoss: Peer = {
  name: 'pg-boss',
  package: 'pg-boss',
  setUp: 'batches of 500, a look every 500 ms and LISTEN/NOTIFY, at once again after a full batch; no order',
  open: async (url, onMessage) => {
    const pool = new Pool({ connectionString: url, max: 30 });
    const boss = new PgBoss({ connectionString: url, useListenNotify: true });
    boss.on('error', console.error);
    await boss.start();
    await boss.createQueue('work', { notify: true });
    return {
      add: ({ payload }) =>
        bareTransaction(pool, async (tx) => {
          await boss.send('work', payload, { db: { executeSql: (text, values) => tx.query(text, values) } });
        }),
      start: async () => {
        const options = { batchSize: 500, pollingIntervalSeconds: 0.5, burstWhenBatchFull: true };
        await boss.work<PeerMessage['payload']>('work', options, async (messages) => {
          for (const { data } of messages) onMessage(data.id);
        });
      },
      close: async () => {
        await boss.stop({ graceful: true, timeout: 5_000 });
        await pool.end();
      },
    };
  },
};
