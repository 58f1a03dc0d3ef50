import type { Socket } from 'node:net';
import { InvalidOptionError } from '@holdfast/core';
import type { FetchedData, PartitionAnswer } from './fetched-data.ts';
import type { KafkajsClient } from './kafkajs-client.ts';

/**
 * The cluster that kafkajs 2 hands to its partition assigners, and the brokers that it gives out: requests of the protocol,
 * without kafkajs's own consumer and producer loops around them. As far as the driver uses it.
 */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  findBroker(which: { readonly nodeId: number }): Promise<Broker>;
  findGroupCoordinator(of: { readonly groupId: string }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
  readonly brokerPool: BrokerPool;
}

/** Finds who answers a request, and connects to it. */
export type Use = <T>(find: (cluster: Cluster) => Promise<T>) => Promise<T>;

interface BrokerPool {
  readonly connectionPoolBuilder: { build: (destination?: object) => Promise<ConnectionPool> };
  readonly seedBroker?: Broker | undefined;
  readonly brokers: Readonly<Record<string, Broker>>;
  readonly metadata: Metadata | null;
  refreshMetadata(topics: readonly string[]): Promise<void>;
}

export interface Metadata {
  readonly topicMetadata: readonly {
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionErrorCode: number;
      readonly partitionId: number;
      readonly leader: number;
    }[];
  }[];
}

interface GroupRequest {
  readonly groupId: string;
  readonly memberId: string;
}

interface Topics<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

export interface Connection {
  connect: () => Promise<unknown>;
  disconnect: () => Promise<unknown>;
  isConnected(): boolean;
  readonly socket?: Socket;
}

interface ConnectionPool {
  readonly pool: readonly Connection[];
  send(call: ProtocolCall): Promise<unknown>;
}

/** A request of the protocol, and what reads its answer. */
export interface ProtocolCall {
  readonly request: { readonly apiKey: number; readonly apiVersion: number };
  readonly response: ProtocolResponse;
}

export interface ProtocolResponse {
  decode(raw: Buffer): Promise<unknown>;
  /** Rejects when the answer says that anything of it failed. */
  parse(decoded: unknown): Promise<unknown>;
}

/** Methods, whose parameters TypeScript compares both ways: kafkajs declares none of this. */
export interface Broker {
  readonly connectionPool: ConnectionPool;
  joinGroup(
    request: GroupRequest & {
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    },
  ): Promise<{
    readonly memberId: string;
    readonly generationId: number;
    readonly groupProtocol: string;
    readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
  }>;
  syncGroup(
    request: GroupRequest & {
      readonly generationId: number;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    },
  ): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(request: GroupRequest & { readonly groupGenerationId: number }): Promise<unknown>;
  leaveGroup(request: GroupRequest): Promise<unknown>;
  offsetCommit(
    request: GroupRequest & {
      readonly groupGenerationId: number;
      readonly topics: readonly Topics<{ readonly partition: number; readonly offset: string }>[];
    },
  ): Promise<unknown>;
  offsetFetch(request: {
    readonly groupId: string;
    readonly topics: readonly Topics<{ readonly partition: number }>[];
  }): Promise<{ readonly responses: readonly Topics<{ readonly partition: number; readonly offset: string }>[] }>;
  listOffsets(request: {
    readonly isolationLevel: number;
    readonly topics: readonly Topics<{ readonly partition: number; readonly timestamp: number }>[];
  }): Promise<{ readonly responses: readonly Topics<{ readonly partition: number; readonly offset: string }>[] }>;
  listGroups(): Promise<{ readonly groups: readonly { readonly groupId: string; readonly protocolType: string }[] }>;
  describeGroups(request: {
    readonly groupIds: readonly string[];
  }): Promise<{ readonly groups: readonly { readonly members: readonly unknown[] }[] }>;
  createTopics(request: {
    readonly topics: readonly {
      readonly topic: string;
      readonly numPartitions: number;
      readonly replicationFactor?: number;
    }[];
  }): Promise<unknown>;
  initProducerId(request: { readonly transactionTimeout: number }): Promise<{
    readonly producerId: unknown;
    readonly producerEpoch: number;
  }>;
  produce(request: {
    readonly producerId: unknown;
    readonly producerEpoch: number;
    readonly acks: number;
    readonly timeout: number;
    readonly topicData: readonly Topics<{
      readonly partition: number;
      readonly firstSequence: number;
      readonly messages: readonly unknown[];
    }>[];
  }): Promise<{
    readonly topics: readonly { readonly topicName: string; readonly partitions: readonly PartitionAnswer[] }[];
  }>;
  fetch(request: {
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly Topics<{
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }>[];
  }): Promise<{
    readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedData[] }[];
  }>;
}

/** A new cluster of the client: a consumer's, which is never run. It hands it to its partition assigners when it is made. */
export const clusterOf = (client: KafkajsClient): Cluster => {
  let found: unknown;
  const config = {
    groupId: 'holdfast',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }: { readonly cluster: unknown }) => {
        found = cluster;
        return {
          name: 'none',
          version: 0,
          assign: async () => [],
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        };
      },
    ],
  };
  client.consumer(config);
  if (typeof found !== 'object' || found === null || !('brokerPool' in found)) {
    throw new InvalidOptionError(
      'client',
      'found a client that is not of kafkajs 2; give a `Kafka` of kafkajs 2.2.4 or newer',
    );
  }
  // The cast asserts more than was looked at: kafkajs declares no type of a cluster that the object could be checked against. Its
  // 2.2.4 of 2023 is its last release, and the conformance suite runs every method that `Cluster` names.
  return found as unknown as Cluster;
};
