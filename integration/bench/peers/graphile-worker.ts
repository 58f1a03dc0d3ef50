import { Logger, makeWorkerUtils, type Runner, run, runMigrations } from 'graphile-worker';
import { Pool } from 'pg';
import { bareTransaction } from '../world/shop.ts';
import type { Peer } from './peer.ts';

const logger = new Logger(() => () => {});

export const graphileWorker: Peer = {
  name: 'graphile-worker',
  package: 'graphile-worker',
  setUp: '16 at once, local queue of 500, completions in batches, LISTEN/NOTIFY; no order',
  open: async (url, onMessage) => {
    const pool = new Pool({ connectionString: url, max: 30 });
    await runMigrations({ connectionString: url, logger });
    const utils = await makeWorkerUtils({ connectionString: url, logger });
    let runner: Runner | undefined;
    return {
      add: ({ payload }) =>
        bareTransaction(pool, async (tx) => {
          await tx.query("select graphile_worker.add_job('work', $1::json)", [JSON.stringify(payload)]);
        }),
      start: async () => {
        runner = await run({
          preset: {
            worker: {
              connectionString: url,
              concurrentJobs: 16,
              maxPoolSize: 18,
              pollInterval: 500,
              localQueue: { size: 500 },
              completeJobBatchDelay: 0,
              failJobBatchDelay: 0,
              logger,
            },
          },
          noHandleSignals: true,
          taskList: {
            work: async (payload) => {
              if (typeof payload === 'object' && payload !== null && 'id' in payload) onMessage(String(payload.id));
            },
          },
        });
      },
      close: async () => {
        await runner?.stop();
        await utils.release();
        await pool.end();
      },
    };
  },
};
