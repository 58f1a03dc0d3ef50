import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import { createPublisher, type Message, silentLog, type Transport } from '@holdfast/core';
import { deadLetterSchema } from '@holdfast/dead-letter';
import { constant } from '@holdfast/policies';
import { memoryTransport } from '@holdfast/transport-memory';
import type pg from 'pg';
import { type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';

/** A database of each test, reached through a proxy, and a transport with `orders`; and what tests do with them. */
export const useStoreFirstWorld = () => {
  let db: TestDatabase;
  let proxy: TcpProxy;
  let transport: Transport;
  beforeEach(async () => {
    db = await openDatabase({
      modules: [deadLetterSchema],
      through: async (url) => {
        proxy = await tcpProxy({ targetPort: Number(new URL(url).port) });
        return proxy.through(url);
      },
    });
    transport = memoryTransport({ topics: { orders: { partitions: 4 } }, runtime: { log: silentLog } });
  });
  afterEach(async () => {
    proxy.heal();
    await transport.close();
    await db.close();
    await proxy.close();
  });

  const create = (options: Partial<ConsumerOptions<pg.PoolClient>> = {}): Consumer<pg.PoolClient> =>
    createConsumer({
      transport,
      group: 'billing',
      from: 'earliest',
      database: db.database,
      inbox: 'store-first',
      retry: { attempts: 4, backoff: constant({ delayMs: 5 }) },
      runtime: { log: silentLog },
      ...options,
    });
  const place = (customer: string, no: number): Promise<Message> =>
    createPublisher(transport).publish(OrderPlaced, { customer, no }, { id: `${customer}-${no}` });
  const lag = async (): Promise<number> => (await transport.topology.describe('orders')).groups[0]?.lag ?? Number.NaN;
  const stored = () => db.count('select count(*) from holdfast.inbox_messages');
  const effectsOf = async (customer: string): Promise<string[]> => {
    const { rows } = await db.pool.query<{ id: string }>('select id from effects where key = $1 order by no', [
      customer,
    ]);
    return rows.map(({ id }) => id);
  };

  return {
    get db() {
      return db;
    },
    get proxy() {
      return proxy;
    },
    get transport() {
      return transport;
    },
    ...{ create, place, lag, stored, effectsOf },
  };
};
