/** Migrates the database of its argument when it is told to. */
import { baseSchema, migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { say, told } from '../../../harness/index.ts';

const pool = new Pool({ connectionString: process.argv[2] });
say({ ready: true });
for await (const _ of told()) break;
await migrate(pgDatabase(pool), [baseSchema]);
await pool.end();
process.exit();
