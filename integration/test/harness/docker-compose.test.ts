import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { containers } from '../../brokers/docker/containers.ts';
import { brokerConfig } from '../../brokers/kafka/broker-config.ts';

const file = fileURLToPath(new URL('../../../docker-compose.yml', import.meta.url));

const Compose = z.strictObject({
  services: z.record(
    z.string(),
    z.strictObject({
      image: z.string(),
      ports: z.array(z.string()),
      volumes: z.array(z.string()),
      healthcheck: z.strictObject({
        test: z.array(z.string()),
        interval: z.string(),
        timeout: z.string(),
        retries: z.number(),
      }),
      command: z.array(z.string()).optional(),
      hostname: z.string().optional(),
      environment: z.record(z.string(), z.string()).optional(),
    }),
  ),
  volumes: z.record(z.string(), z.null()),
});

const compose = Compose.parse(parse(readFileSync(file, 'utf8')));

const run = (...args: string[]): string =>
  execFileSync('docker', ['compose', '--file', file, ...args], { encoding: 'utf8', stdio: 'pipe' });

const hasCompose = (): boolean => {
  try {
    return run('version') !== '';
  } catch {
    return false;
  }
};

describe('docker-compose.yml', () => {
  it('has the servers that the tests run on, with their images, their usual ports on this machine, and health checks', () => {
    assert.deepEqual(
      Object.entries(compose.services).map(([name, { image, ports }]) => [name, image, ports]),
      Object.entries(containers).map(([name, { image, port }]) => [name, image, [`127.0.0.1:${port}:${port}`]]),
    );
    for (const { healthcheck } of Object.values(compose.services)) assert.equal(healthcheck.test[0], 'CMD');
  });

  it('names a version of each image', () => {
    for (const { image } of Object.values(compose.services)) assert.match(image, /^[a-z/]+:\d+(\.\d+)*$/);
  });

  it('has a Kafka without ZooKeeper', () => {
    const { environment = {} } = compose.services.kafka ?? {};
    assert.equal(environment.KAFKA_PROCESS_ROLES, 'broker,controller');
    assert.ok(environment.KAFKA_CONTROLLER_QUORUM_VOTERS);
    assert.doesNotMatch(JSON.stringify(environment), /zookeeper/i);
  });

  it('keeps the data of each server in a volume of its own', () => {
    const used = Object.values(compose.services).map(({ volumes }) => volumes.map((volume) => volume.split(':')[0]));
    assert.deepEqual(
      used,
      Object.keys(containers).map((name) => [name]),
    );
    assert.deepEqual(Object.keys(compose.volumes), Object.keys(containers));
  });

  it('has a Kafka whose listeners are those of the tests', () => {
    const { environment = {} } = compose.services.kafka ?? {};
    const port = containers.kafka.port;
    const ours = brokerConfig({ client: port, internal: 9094, controller: 9093 }, '0.0.0.0', `localhost:${port}`);
    const portsOf = (listeners: string | undefined) => listeners?.split(',').map((one) => one.replace(/\/\/.*:/, ''));
    for (const name of ['listeners', 'advertised.listeners']) {
      assert.deepEqual(portsOf(environment[variableOf(name)]), portsOf(ours[name]), name);
    }
    for (const name of ['inter.broker.listener.name', 'listener.security.protocol.map', 'process.roles']) {
      assert.equal(environment[variableOf(name)], ours[name], name);
    }
  });

  it('is accepted by docker compose, where that is installed', () => {
    const services = hasCompose() ? run('config', '--services').trim().split('\n') : Object.keys(compose.services);
    assert.deepEqual(services.toSorted(), Object.keys(containers).toSorted());
  });
});

const variableOf = (name: string): string => `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`;
