import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { createPublisher, createRuntime, silentLog, type Transport } from '@holdfast/core';
import { postgresTransportSchema } from '@holdfast/transport-postgres';
import {
  assertHistory,
  type Child,
  type EffectLedger,
  type Entry,
  effectLedger,
  eventually,
  readEntryTables,
  spawnChild,
} from '../../harness/index.ts';
import { type BrokerServer, startBroker } from '../crash/broker-server.ts';
import { OrderPlaced } from '../crash/contracts.ts';
import { openTransport } from '../crash/roles/open-transport.ts';
import type { Trap } from '../crash/roles/role.ts';
import { freshPlace } from '../idempotency/open-store.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import type { DeduplicatorOptions } from './children/deduplicator.ts';

const module = new URL('children/deduplicator.ts', import.meta.url);
const [customers, concurrency, keyLeaseMs] = [16, 8, 5_000];
/** When a consumer dies: whenever it comes, after an effect and before its record, after the record and before the ack. */
const points = [undefined, 'idempotency.beforeRecord', 'consumer.afterEffect.beforeAck'] as const;

const worlds = [
  { on: 'postgres', keys: 'postgres', rounds: 2 },
  { on: 'kafka', keys: 'redis', rounds: 1 },
  { on: 'rabbitmq', keys: 'postgres', rounds: 1 },
  { on: 'redis', keys: 'redis', rounds: 1 },
] as const;

for (const { on, keys, rounds } of worlds) {
  describe(`a consumer that deduplicates and is killed, over ${on}, by keys in ${keys}`, function () {
    this.timeout(180_000);
    let db: TestDatabase;
    let server: BrokerServer | undefined;
    let place: Awaited<ReturnType<typeof freshPlace>>;
    let transport: Transport;
    let ledger: EffectLedger;
    let topic: string;
    let children: Map<string, Child>;
    before(async () => {
      children = new Map();
      server = on === 'postgres' ? undefined : await startBroker(on);
      db = await openDatabase({ modules: [postgresTransportSchema] });
      place = await freshPlace(keys);
      ledger = await effectLedger(db.url, 'shop');
      topic = `orders-${randomUUID()}`;
      const runtime = createRuntime({ log: silentLog });
      transport = openTransport({ broker: server?.broker, database: db.database, leaseMs: 5_000, runtime });
      const from = transport.capabilities.replay ? 'earliest' : 'latest';
      await transport.topology.apply({ topics: { [topic]: { partitions: 6, groups: { billing: from } } } });
    });
    after(async () => {
      await Promise.all([...children.values()].map((child) => child.close()));
      await transport.close();
      await Promise.all([ledger.close(), place.drop()]);
      await db.close();
      await server?.close();
    });

    const start = async (trap?: Trap): Promise<string> => {
      const name = `consumer ${children.size + 1}`;
      const options: DeduplicatorOptions = {
        ...{ url: db.url, name, seed: 0, leaseMs: 2_000, broker: server?.broker, trap },
        ...{ keys: { kind: keys, place }, keyLeaseMs, concurrency },
      };
      const child = spawnChild(module, [JSON.stringify(options)], { HOLDFAST_CRASH_TOPIC: topic });
      children.set(name, child);
      await child.saw({ ready: true }, 30_000);
      return name;
    };

    /** Of every customer one order after another, until the signal aborts. */
    const shop = (signal: AbortSignal): Promise<unknown> => {
      const publisher = createPublisher(transport);
      const order = async (key: string): Promise<void> => {
        for (let seq = 1; !signal.aborted; seq++) {
          const id = `${key}/${seq}`;
          await publisher.publish({ ...OrderPlaced, topic }, { customer: key, note: '' }, { id });
          await ledger.record({ f: 'publish', type: 'ok', id, key, seq });
          await pause(Math.random() * 600);
        }
      };
      return Promise.all(Array.from({ length: customers }, (_, customer) => order(`c-${customer}`)));
    };
    const goesOn = async (by?: string): Promise<void> => {
      const effects = `select count(*) from harness_entries where f = 'effect' and type = 'ok'`;
      const count = () => db.count(by === undefined ? effects : `${effects} and p = '${by}'`);
      const from = await count();
      await eventually(async () => assert.ok((await count()) >= from + 20), { timeoutMs: 30_000 });
    };

    /** Ends a consumer at the point, while another lives. */
    const kill = async (point: (typeof points)[number], old: string): Promise<void> => {
      const nth = 5 + Math.floor(Math.random() * 30);
      const victim = point === undefined ? old : await start({ point, nth, signal: 'SIGKILL' });
      const child = children.get(victim);
      assert.ok(child);
      if (point === undefined) {
        await goesOn(victim);
        child.signal('SIGKILL');
      }
      assert.equal((await child.ended).signal, 'SIGKILL');
    };

    it('P2, P3, P4: repeats an effect only where the process that had it died before it was recorded, and after its lease', async () => {
      const closing = new AbortController();
      let survivor = await start();
      const shopping = shop(closing.signal);
      await goesOn(survivor);
      for (let round = 0; round < rounds; round++) {
        for (const point of points) {
          const old = survivor;
          if (point === undefined) survivor = await start();
          await kill(point, old);
          await goesOn();
        }
      }
      closing.abort();
      await shopping;
      const waiting = `select count(*) from harness_entries p where f = 'publish'
        and not exists (select from harness_entries e where e.f = 'effect' and e.type = 'ok' and e.id = p.id)`;
      await eventually(async () => assert.equal(await db.count(waiting), 0), { timeoutMs: 30_000, everyMs: 100 });
      const child = children.get(survivor);
      child?.tell({ close: true });
      const stats = await child?.saw({ closed: true });
      const history = await readEntryTables(db.url);
      const deaths = children.size - 1;
      assertHistory(history, { maxDuplicates: deaths * concurrency });
      assert.deepEqual(repeatedWrongly(history, survivor), []);
      const effects = history.filter(({ f, type }) => f === 'effect' && type === 'ok');
      const repeated = effects.length - new Set(effects.map(({ id }) => id)).size;
      assert.ok(repeated >= rounds, `${repeated} effects were repeated: one at each death before its record`);
      assert.ok(Number(stats?.duplicates) > 0, 'no copy had to be turned away');
    });
  });
}

/** How long after its claim a run may be entered in the ledger. */
const entryMs = 1_000;

/** Runs of a message that another followed although their process lived, or before their lease could be over. */
const repeatedWrongly = (history: readonly Entry[], survivor: string): readonly string[] => {
  const lastOf = new Map(history.map(({ p, t }) => [p, t]));
  const runs = history.filter(({ f, type }) => f === 'effect' && type === 'invoke');
  return [...Map.groupBy(runs, ({ id }) => id)].flatMap(([id, ofMessage]) =>
    ofMessage.flatMap(({ p, t }, at) => {
      const next = ofMessage[at + 1];
      if (next === undefined) return [];
      const died = p !== survivor && p !== next.p && (lastOf.get(p) ?? 0) < next.t;
      const waitedMs = (next.t - t) / 1_000;
      if (died && waitedMs >= keyLeaseMs - entryMs) return [];
      return [`${id}: begun by ${p}, and ${waitedMs} ms later by ${next.p}${died ? '' : ' while it lived'}`];
    }),
  );
};
