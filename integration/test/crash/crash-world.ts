import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertHistory, eventually, type PostgresServer } from '../../harness/index.ts';
import { ordersTopic } from './contracts.ts';
import { type CrashDatabase, openCrashDatabase, type Progress } from './crash-database.ts';
import { readCrashHistory } from './crash-history.ts';
import { type Crew, createCrew } from './crew.ts';
import type { Broker } from './roles/open-transport.ts';
import { seededRandom } from './seeded-random.ts';

/** A shop, relays and consumers as processes around one database, and the faults that happen to them. */
export interface CrashWorld
  extends Pick<CrashDatabase, 'url' | 'pool' | 'database' | 'count' | 'owners' | 'progress'>,
    Crew {
  readonly seed: number;
  /** Its own, if it has one. */
  readonly server: PostgresServer | undefined;
  /** From the seed. */
  readonly random: () => number;
  /** Waits until so many more messages were published and have taken effect. */
  goesOn(messages: number): Promise<void>;
  /** Waits until all that is published by now has taken effect. */
  catchesUp(): Promise<void>;
  /** Notes that something has happened that a scenario is about. */
  fault(what: string): Promise<void>;
  /** Stops the shops, waits until every message has taken effect, and asserts that all promises were kept. */
  finish(options?: FinishOptions): Promise<void>;
  /** Whether every message took effect in time, so that what fails from then on is a promise. */
  readonly judged: boolean;
  /** For failures: where messages are, who owns what, what the sessions do, what the processes said last. */
  state(): Promise<string>;
  close(): Promise<void>;
}

export interface FinishOptions {
  /** So many faults must have happened; else the run proves nothing. Default 2. */
  readonly faults?: number;
  /** How long the rest may take. Default 25,000. */
  readonly drainMs?: number;
  /** The most memory that a relay or a consumer may take. Default 300. */
  readonly memoryMb?: number;
}

export interface CrashWorldOptions {
  /** Closed with the world. Default: the shared server. */
  readonly server?: PostgresServer;
  /** Whether the processes get little memory, for a test that measures it. Default no. */
  readonly tight?: boolean;
  /** Messages travel through it. Default: through the database. Left running. */
  readonly broker?: Broker | undefined;
}

export const openCrashWorld = async ({
  server,
  broker,
  tight = false,
}: CrashWorldOptions = {}): Promise<CrashWorld> => {
  const seed = Number(process.env.HOLDFAST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const topic = broker ? `orders-${randomUUID()}` : ordersTopic;
  const database = await openCrashDatabase(server, { topic, broker });
  const crew = createCrew({ url: database.url, seed, tight, broker, topic });
  const faults: (Progress & { readonly what: string })[] = [];
  let judged = false;

  const goesOn = async (messages: number): Promise<void> => {
    const from = await database.progress();
    await eventually(
      async () => {
        const { published, effects } = await database.progress();
        assert.ok(
          Math.min(published - from.published, effects - from.effects) >= messages,
          `of ${messages} more messages ${published - from.published} were published, ${effects - from.effects} took effect`,
        );
      },
      { timeoutMs: 20_000, everyMs: 30 },
    );
  };
  /** V11: nothing is under way any more soon after the last fault. */
  const drained = (timeoutMs: number): Promise<void> =>
    eventually(
      async () => {
        const pending = await database.count('select count(*) from holdfast.outbox');
        const lag = await database.count(broker ? selectWithoutEffect : selectLag);
        const parked = await database.count('select count(*) from holdfast.inbox_parked');
        assert.ok(
          pending + lag + parked === 0,
          `V11 liveness: ${pending} messages in the outbox, ${lag} behind it and ${parked} parked still wait`,
        );
      },
      { timeoutMs, everyMs: 50 },
    );
  const finish = async ({ faults: least = 2, drainMs = 25_000, memoryMb = 300 }: FinishOptions): Promise<void> => {
    await Promise.all(crew.running('shop').map((shop) => shop.close()));
    await drained(drainMs);
    await Promise.all([...crew.running('relay'), ...crew.running('consumer')].map((worker) => worker.close()));
    const end = await database.progress();
    judged = true;
    assertHistory(await readCrashHistory(database.url));
    assert.equal(await database.count(unrecorded), 0, 'V6: effects and records of the inbox differ');
    assert.equal(await database.count(putAside), 0, 'messages were parked or became dead letters');
    assertProves(faults, end, least);
    assert.deepEqual(crew.complaints(), []);
    for (const { name, peakMb } of crew.all) assert.ok(peakMb < memoryMb, `${name} took ${peakMb} MB`);
  };
  return {
    ...database,
    ...crew,
    ...{ seed, server },
    random: seededRandom(seed),
    goesOn,
    catchesUp: async () => {
      const now = await database.count("select max(seq) from harness_entries where f = 'publish'");
      await eventually(
        async () => assert.equal(await database.count(`${selectWithoutEffect} and p.seq <= $1`, `${now}`), 0),
        { timeoutMs: 20_000, everyMs: 50 },
      );
    },
    fault: async (what) => {
      faults.push({ what, ...(await database.progress()) });
    },
    finish: (finishing = {}) => finish(finishing),
    get judged() {
      return judged;
    },
    state: () => stateOf(database, crew).catch(String),
    close: async () => {
      await crew.closeAll();
      if (server) await server.close();
      await database.close();
    },
  };
};

const selectLag = `
  select sum(greatest(0, coalesce((
    select max(l.position) from holdfast.log l where l.topic_id = g.topic_id and l.partition = g.partition
  ), 0) - g.settled_to)) from holdfast.log_positions g where g."group" = 'billing'`;

const selectWithoutEffect = `
  select count(*) from harness_entries p where f = 'publish'
  and not exists (select from harness_entries e where e.f = 'effect' and e.id = p.id)`;

const unrecorded = `
  select count(*) from (select id from harness_entries where f = 'effect') e
  full join (select id from holdfast.inbox where "group" = 'billing') i on i.id = e.id
  where i.id is null or e.id is null`;

const putAside = `
  select (select count(*) from holdfast.outbox_parked) + (
    select count(*) from holdfast.log l join holdfast.log_topics t on t.id = l.topic_id where t.name = 'orders.dead'
  )`;

/** A run in which nothing happened, or to which nothing happened, is no success but an error. */
const assertProves = (faults: readonly (Progress & { what: string })[], end: Progress, least: number): void => {
  const [first] = faults;
  const last = faults.at(-1);
  const told = JSON.stringify({ faults, end });
  assert.ok(first && last && faults.length >= least, `expected ${least} faults: ${told}`);
  for (const what of ['published', 'effects'] as const) {
    assert.ok(
      first[what] > 0 && last[what] > first[what] && end[what] > last[what],
      `load before, during, after: ${told}`,
    );
  }
};

const stateOf = async ({ url, pool, count, owners }: CrashDatabase, crew: Crew): Promise<string> => {
  const read = async (text: string): Promise<string> =>
    pool.query(text).then(({ rows }) => rows.map((row) => JSON.stringify(row)).join('\n'), String);
  const facts = {
    url,
    pending: await count('select count(*) from holdfast.outbox'),
    shards: Object.fromEntries(await owners('relay outbox')),
    partitions: Object.fromEntries(await owners('log:%:billing')),
  };
  const said = crew.all.map(({ name, running, child: { output } }) => `${name} (${running}): ${output.slice(-1_500)}`);
  return [JSON.stringify(facts), await read(selectPartitions), await read(selectSessions), ...said].join('\n');
};

const selectPartitions = `
  select l.topic_id, l.partition, max(l.position)::int as last, min(g.settled_to)::int as settled from holdfast.log l
  left join holdfast.log_positions g on g.topic_id = l.topic_id and g.partition = l.partition group by 1, 2 order by 1, 2`;

const selectSessions = `
  select application_name as process, pid, state, round(extract(epoch from clock_timestamp() - state_change)::numeric, 1) as s,
    pg_blocking_pids(pid) as blocked_by, regexp_replace(left(query, 90), '\\s+', ' ', 'g') as query
  from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and (state <> 'idle' or wait_event_type = 'Lock')`;
