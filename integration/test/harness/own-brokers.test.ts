import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, type Question } from '../../brokers/ask.ts';
import { environmentKafka } from '../../brokers/kafka/environment-kafka.ts';
import { kafkaBrokers } from '../../brokers/kafka/kafka-brokers.ts';
import { environmentRabbitmq } from '../../brokers/rabbitmq/environment-rabbitmq.ts';
import { rabbitmqVersion } from '../../brokers/rabbitmq/rabbitmq-version.ts';
import { environmentRedis } from '../../brokers/redis/environment-redis.ts';
import { redisVersion } from '../../brokers/redis/redis-version.ts';
import { freePort, ownKafka, ownRabbitmq, ownRedis, type Server, tcpProxy } from '../../harness/index.ts';
import { containersAt, leftIn } from './left-behind.ts';

interface Started {
  readonly server: Server;
  readonly host: string;
  readonly port: number;
}

interface Kind {
  readonly start: () => Promise<Started>;
  readonly question: (host: string, port: number) => Question<unknown>;
  readonly inEnvironment: (started: Started) => Promise<Server>;
}

const at = (server: Server, url: string): Started => {
  const { hostname, port } = new URL(url);
  return { server, host: hostname, port: Number(port) };
};

const kinds: Readonly<Record<string, Kind>> = {
  Redis: {
    start: async () => {
      const server = await ownRedis();
      return at(server, server.url);
    },
    question: redisVersion,
    inEnvironment: ({ host, port }) => environmentRedis(`redis://${host}:${port}`),
  },
  RabbitMQ: {
    start: async () => {
      const server = await ownRabbitmq();
      return at(server, server.url);
    },
    question: rabbitmqVersion,
    inEnvironment: ({ host, port }) => environmentRabbitmq(`amqp://holdfast:holdfast@${host}:${port}`),
  },
  Kafka: {
    start: async () => {
      const server = await ownKafka();
      return at(server, `kafka://${server.brokers[0]}`);
    },
    question: kafkaBrokers,
    inEnvironment: ({ host, port }) => environmentKafka(`${host}:${port}`),
  },
};

for (const [name, { start, question, inEnvironment }] of Object.entries(kinds)) {
  describe(`a test's own ${name}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-own-'));
    let started: Started;
    const answer = (port = started.port): Promise<unknown> => ask(question(started.host, port), { timeoutMs: 1_000 });

    before(async function () {
      this.timeout(150_000);
      const { TMPDIR } = process.env;
      process.env.TMPDIR = folder;
      try {
        started = await start();
      } finally {
        if (TMPDIR === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = TMPDIR;
      }
    });

    after(async () => {
      // Where it did not start, that is the failure to be told.
      await (started as Started | undefined)?.server.close();
      rmSync(folder, { recursive: true });
    });

    it('answers nothing while it is paused, and goes on afterwards', async () => {
      await started.server.pause();
      await assert.rejects(answer(), /says nothing/);
      await started.server.resume();
      await answer();
    });

    it('is also one that the environment names, which nobody may stop', async () => {
      const named = await inEnvironment(started);
      assert.match(named.version, /\d/);
      assert.deepEqual([named.way, named.version === started.server.version], ['environment', name !== 'Kafka']);
      await assert.rejects(named.stop('kill'), /not ours to stop/);
      await named.close();
      await answer();
    });

    it('can have the faults of a network before it', async () => {
      const proxy = await tcpProxy({ targetPort: started.port, targetHost: started.host });
      try {
        assert.deepEqual(await answer(proxy.port), await answer());
        proxy.inject({ fault: 'half-open' });
        await assert.rejects(answer(proxy.port), /says nothing/);
        proxy.inject({ fault: 'drop-reply' });
        await assert.rejects(answer(proxy.port), { code: 'ECONNRESET' });
        await answer(proxy.port);
      } finally {
        await proxy.close();
      }
    });

    it('is killed while it is paused, starts again at the same place, and leaves nothing when it is closed', async () => {
      const before = await answer();
      await started.server.pause();
      await started.server.stop('kill');
      await assert.rejects(answer());
      await started.server.stop('fast');
      await started.server.start();
      assert.deepEqual(await answer(), before);
      await started.server.close();
      await assert.rejects(answer());
      assert.deepEqual(leftIn(folder), []);
      if (started.server.way === 'testcontainers') assert.deepEqual(await containersAt(started.port), []);
    });
  }).timeout(60_000);
}

describe('a Kafka with a proxy before it', () => {
  it('tells its clients to come to the proxy', async () => {
    const port = await freePort();
    const proxy = await tcpProxy({ targetPort: port });
    const advertised = `127.0.0.1:${proxy.port}`;
    const server = await ownKafka({ advertised, port });
    try {
      assert.deepEqual(await ask(kafkaBrokers('127.0.0.1', proxy.port)), [advertised]);
    } finally {
      await server.close();
      await proxy.close();
    }
  }).timeout(60_000);
});

describe("a test's own Redis with settings", () => {
  it('keeps what it was told over a kill', async () => {
    const server = await ownRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    const { host, port } = at(server, server.url);
    const say = (command: string, reply: string): Promise<true> =>
      ask({ host, port, bytes: Buffer.from(`${command}\r\n`), read: (said) => said.includes(reply) || undefined });
    try {
      await say('SET kept 1', '+OK\r\n');
      await server.stop('kill');
      await server.start();
      await say('GET kept', '$1\r\n1\r\n');
    } finally {
      await server.close();
    }
  });
});
