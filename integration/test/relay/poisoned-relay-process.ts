/** A relay as a process that dies when it hands over a poisoned row. Argument: the database's URL. */
import { silentLog } from '@holdfast/core';
import { pgDatabase } from '@holdfast/postgres';
import { createRelay, relayTable } from '@holdfast/relay';
import { Pool } from 'pg';
import { say } from '../../harness/index.ts';
import { recordingSink } from './recording-sink.ts';

const url = process.argv[2] ?? '';
const recording = recordingSink({ url, name: `process ${process.pid}`, failsSuffix: false, latencyMs: 0 });
const relay = createRelay(
  { database: pgDatabase(new Pool({ connectionString: url, max: 10 })), table: relayTable('outbox') },
  {
    ...recording,
    send: async (rows, signal) => {
      if (rows.some(({ id }) => id.startsWith('poison'))) {
        say({ sent: rows.length });
        process.kill(process.pid, 'SIGKILL');
      }
      return recording.send(rows, signal);
    },
  },
  { leaseMs: 500, suspectDeaths: 2, runtime: { log: silentLog } },
);
await relay.start();
