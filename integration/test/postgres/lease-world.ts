import { silentLog } from '@holdfast/core';
import {
  baseSchema,
  createLeases,
  type Database,
  type Lease,
  type Leases,
  migrate,
  pgDatabase,
} from '@holdfast/postgres';
import { Pool } from 'pg';
import { freshDatabase } from '../../harness/index.ts';
import { type StandingClock, standingClock } from './standing-clock.ts';

/** One member of a scope, with a clock of its own. */
export interface Member {
  readonly name: string;
  readonly clock: StandingClock;
  readonly leases: Leases;
  /** Every lease that it was ever given. */
  readonly given: readonly Lease[];
  readonly lost: readonly Lease[];
  /** Runs around each of its statements: before it is sent, and before its answer arrives. */
  around: { before: () => Promise<void> | void; after: () => Promise<void> | void };
  statements: number;
}

export interface LeaseWorld {
  readonly database: Database<object>;
  readonly url: string;
  readonly leaseMs: number;
  /** Another scope for another run. */
  nextScope(): string;
  readonly scope: string;
  member(
    name: string,
    slots: number,
    onReleasing?: (signal: AbortSignal) => Promise<void>,
    onAcquired?: (lease: Lease) => void,
  ): Member;
  /** Moves the database's clock and every member's. */
  pass(ms: number): Promise<void>;
  /** The database's clock alone runs faster or slower. */
  passInDatabase(ms: number): Promise<void>;
  /** Resolves when no statement is on its way. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Members of leases on a real Postgres in which nobody's clock moves by itself, the database's neither. */
export const leaseWorld = async (leaseMs = 3_000): Promise<LeaseWorld> => {
  const fresh = await freshDatabase();
  const pool = new Pool({ connectionString: fresh.url, max: 8 });
  const database = pgDatabase(pool, { runtime: { log: silentLog } });
  await migrate(database, [baseSchema]);
  await pool.query(`create table clock (now timestamptz not null); insert into clock values ('2030-01-01');
    create or replace function holdfast.now() returns timestamptz language sql volatile as 'select now from public.clock'`);
  let scope = 'scope';
  let scopes = 0;
  let members: Member[] = [];
  let flying = 0;

  const observed = (member: () => Member): Database<object> => ({
    ...(database as Database<never>),
    listen: undefined,
    execute: async (text, values, options) => {
      flying += 1;
      try {
        member().statements += 1;
        await member().around.before();
        const rows = await database.execute(text, values);
        await member().around.after();
        options?.signal?.throwIfAborted();
        return rows;
      } finally {
        flying -= 1;
      }
    },
  });
  const passInDatabase = async (ms: number): Promise<void> => {
    await pool.query("update clock set now = now + $1 * interval '1 millisecond'", [ms]);
  };
  const settle = async (): Promise<void> => {
    do await new Promise((resolve) => setImmediate(resolve));
    while (flying > 0);
  };
  return {
    database: database as Database<never>,
    url: fresh.url,
    leaseMs,
    get scope() {
      return scope;
    },
    nextScope: () => {
      members = [];
      scopes += 1;
      scope = `scope ${scopes}`;
      return scope;
    },
    member: (name, slots, onReleasing = async () => {}, onAcquired = () => {}) => {
      const clock = standingClock();
      const given: Lease[] = [];
      const lost: Lease[] = [];
      const leases = createLeases({
        ...{ database: observed(() => member), scope, slots, leaseMs, owner: `${name} of ${scope}` },
        runtime: { clock, log: silentLog, random: () => 0.5 },
        onAcquired: (lease) => {
          given.push(lease);
          onAcquired(lease);
        },
        onReleasing: (_lease, signal) => onReleasing(signal),
        onLost: (lease) => void lost.push(lease),
      });
      const around = { before: () => {}, after: () => {} };
      const member: Member = { name, clock, leases, given, lost, around, statements: 0 };
      members.push(member);
      return member;
    },
    pass: async (ms) => {
      await passInDatabase(ms);
      for (const { clock } of members) clock.pass(ms);
      await settle();
    },
    passInDatabase,
    settle,
    close: async () => {
      await pool.end();
      await fresh.drop();
    },
  };
};
