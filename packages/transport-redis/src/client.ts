/** What is used of a client of ioredis 5 or 6, or of its cluster client. */
export interface RedisClient {
  readonly status: string;
  readonly isCluster?: boolean | undefined;
  readonly options: object;
  /** A cluster client takes its nodes first. */
  duplicate(...overrides: readonly (object | undefined)[]): unknown;
}

/** One connection of our own, made by {@link RedisClient.duplicate}. */
export interface OwnClient {
  readonly status: string;
  connect(): Promise<void>;
  disconnect(): void;
  callBuffer(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  subscribe(...channels: string[]): Promise<unknown>;
  readonly stream?: { destroy(): unknown } | undefined;
  /** Of a cluster client. */
  nodes?(role: 'master'): readonly Pick<OwnClient, 'status' | 'connect' | 'on'>[];
}

/** Connects it, and all masters of a cluster: the driver refuses what comes for a node while that is still connecting. */
export const connectClient = async (client: OwnClient): Promise<void> => {
  await client.connect();
  await Promise.all((client.nodes?.('master') ?? []).map(readyNode));
};

const readyNode = async (node: Pick<OwnClient, 'status' | 'connect' | 'on'>): Promise<void> => {
  if (node.status === 'wait') await node.connect();
  if (node.status === 'ready') return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const closed = (): void => reject(new Error('a node of the cluster has closed the connection'));
  node.on('ready', resolve);
  node.on('end', closed);
  if (node.status === 'end' || node.status === 'close') closed();
  await promise;
};

/**
 * A connection with the settings of `client`, that never sends anything twice, queues nothing, and ends when it is lost:
 * the driver's defaults queue without limit while offline and send again what may have run.
 */
export const duplicateClient = (client: RedisClient, connectionName: string): OwnClient => {
  const own = {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: null,
    maxLoadingRetryTime: 200,
    retryStrategy: () => null,
    reconnectOnError: null,
    // Drivers differ in which commands they add it to: it is part of our own names.
    keyPrefix: '',
    commandTimeout: undefined,
    blockingTimeout: undefined,
    socketTimeout: undefined,
    connectionName,
  };
  const duplicate = client.isCluster
    ? client.duplicate(undefined, {
        ...{ lazyConnect: true, enableOfflineQueue: false, clusterRetryStrategy: () => null, keyPrefix: '' },
        // It would send again what may have run; and replicas answer reads with what was.
        ...{ retryDelayOnFailover: 0, scaleReads: 'master' },
        redisOptions: { ...redisOptionsOf(client), ...own, lazyConnect: undefined },
      })
    : client.duplicate(own);
  // By the driver's contract a duplicate is a client like the one that was given.
  return duplicate as OwnClient;
};

const redisOptionsOf = ({ options }: RedisClient): object =>
  'redisOptions' in options && typeof options.redisOptions === 'object' ? { ...options.redisOptions } : {};

/** What a client puts before every key. */
export const keyPrefixOf = (client: RedisClient): string => {
  const found = [client.options, redisOptionsOf(client)].find((options) => 'keyPrefix' in options && options.keyPrefix);
  return found !== undefined && 'keyPrefix' in found ? String(found.keyPrefix) : '';
};
