import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHoldfastError, PublishError, type Transport } from '@holdfast/core';
import { eventually, freePort, type KafkaServer, ownKafka, sharedKafka, spawnChild } from '../../harness/index.ts';
import { type KafkaWorld, kafkaClients, kafkaWorld, messageOf } from './kafka-world.ts';
import { createLedger } from './load.ts';

for (const { client, options: over } of kafkaClients) {
  describe(`transport-kafka at its start over ${client}`, function () {
    this.timeout(60_000);
    let world: KafkaWorld;
    let server: KafkaServer | undefined;
    afterEach(async () => {
      await world.close();
      await server?.close();
      server = undefined;
    });

    it('P1: a broker that is absent is named, and the same transport works once it is there', async () => {
      const port = await freePort();
      world = kafkaWorld([`127.0.0.1:${port}`], over);
      const transport = world.open({ requestTimeoutMs: 500 });
      const ledger = createLedger();
      const subscribe = () => transport.subscribe(['orders'], ledger.receive, { group: 'g', from: 'earliest' });
      await assert.rejects(subscribe(), (error) => isHoldfastError(error, 'broker_unreachable') && error.retryable);
      await assert.rejects(transport.publish('orders', [messageOf('a-0', 'a')]), (error) => {
        const [outcome] = error instanceof PublishError ? error.outcomes : [];
        return outcome?.outcome === 'failed' && isHoldfastError(outcome.error, 'broker_unreachable');
      });
      server = await ownKafka({ port });
      // A broker that has just come has yet to make the topic of its groups, which may take longer than a request here.
      await eventually(async () => void (await subscribe()), { timeoutMs: 20_000 });
      await transport.publish('orders', [messageOf('a-0', 'a')]);
      await ledger.complete(new Map([['a', 1]]));
    });

    it('a wrong password is an error at once that does not tell it, and the right one works', async () => {
      server = await ownKafka({ login: { username: 'shop', password: 'right' } });
      world = kafkaWorld(server.brokers, over);
      const openAs = (password: string): Transport =>
        world.open(
          client === 'kafkajs'
            ? { sasl: { mechanism: 'plain', username: 'shop', password } }
            : { platformatic: { sasl: { mechanism: 'PLAIN', username: 'shop', password } } },
        );
      const ledger = createLedger();
      const subscribe = (transport: Transport) =>
        transport.subscribe(['orders'], ledger.receive, { group: 'g', from: 'earliest' });
      const right = openAs('right');
      await subscribe(right);
      await right.publish('orders', [messageOf('a-0', 'a')]);
      await ledger.complete(new Map([['a', 1]]));
      const wrong = openAs('a-secret');
      const startedMs = performance.now();
      await assert.rejects(subscribe(wrong), (error) => {
        assert.ok(isHoldfastError(error, 'authentication_failed'), String(error));
        assert.equal(error.retryable, false);
        assert.ok(!error.message.includes('a-secret'));
        return true;
      });
      await assert.rejects(wrong.publish('orders', [messageOf('a-1', 'a')]), (error) => {
        const [outcome] = error instanceof PublishError ? error.outcomes : [];
        return outcome?.outcome === 'failed' && isHoldfastError(outcome.error, 'authentication_failed');
      });
      assert.ok(performance.now() - startedMs < 10_000, 'it was tried again');
    });

    it('P7: a process that closes while it cannot connect ends by itself', async () => {
      world = kafkaWorld([]);
      const child = spawnChild(new URL('children/closes-unconnected.ts', import.meta.url), [
        `127.0.0.1:${await freePort()}`,
        client,
      ]);
      await child.saw({ closed: true }, 30_000);
      assert.deepEqual(await Promise.race([child.ended, sleep(10_000)]), { code: 0, signal: null });
      await child.close();
    });

    it('a login at a broker that takes none is an error at once, and not tried again for ever', async () => {
      const { brokers } = await sharedKafka();
      world = kafkaWorld(brokers, over);
      const login = { username: 'shop', password: 'a-secret' };
      const transport = world.open(
        client === 'kafkajs'
          ? { sasl: { mechanism: 'plain', ...login } }
          : { platformatic: { sasl: { mechanism: 'PLAIN', ...login } } },
      );
      const subscribed = transport.subscribe(['orders'], createLedger().receive, { group: 'g', from: 'earliest' });
      await assert.rejects(subscribed, (error) => {
        assert.ok(isHoldfastError(error, 'authentication_failed'), String(error));
        assert.equal(error.retryable, false);
        assert.ok(!error.message.includes('a-secret'));
        return true;
      });
      await assert.rejects(transport.publish('orders', [messageOf('a-0', 'a')]), (error) => {
        const [outcome] = error instanceof PublishError ? error.outcomes : [];
        return outcome?.outcome === 'failed' && isHoldfastError(outcome.error, 'authentication_failed');
      });
    });
  });
}
