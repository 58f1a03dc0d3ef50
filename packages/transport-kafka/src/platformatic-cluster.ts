import { BrokerUnreachableError, NoLeaderError } from './errors.ts';
import {
  type Address,
  type Connections,
  type ConnectionsOptions,
  createConnections,
  type Lane,
} from './platformatic-connections.ts';
import { platformaticCodeOf, withRefusals } from './platformatic-errors.ts';
import type { Connection, Library } from './platformatic-library.ts';

type MetadataRequest = Library['metadataV11']['api']['async'];
export type Metadata = Awaited<ReturnType<MetadataRequest>>;

/** The brokers as they said they are, and connections to them. */
export interface Cluster {
  /** Asks one of the brokers. Null: of all topics. Each topic and partition has its own error. */
  metadata(topics: readonly string[] | null): Promise<Metadata>;
  /** Rejects with {@link NoLeaderError} for -1, and asks where a broker is that is not known. */
  broker(nodeId: number, lane: Lane): Promise<Connection>;
  any(): Promise<Connection>;
  to(address: Address, lane: Lane): Promise<Connection>;
  readonly reset: Connections['reset'];
  readonly close: Connections['close'];
}

export interface ClusterOptions extends ConnectionsOptions {
  /** Where to ask first. */
  readonly brokers: readonly Address[];
}

const noBroker = -1;

/** Who has never answered anything may be asked in a way that it does not answer. */
const hungUp = (cause: unknown): Error =>
  new Error('who listens there does not answer: it may want TLS or a login, or be older than Kafka 3.0', { cause });

export const createCluster = (options: ClusterOptions): Cluster => {
  const { library, brokers: seeds } = options;
  const connections = createConnections(options);
  let brokers: ReadonlyMap<number, Address> = new Map();

  const any = (): Promise<Connection> => connections.toAny([...brokers.values(), ...seeds]);

  const metadata = async (topics: readonly string[] | null): Promise<Metadata> => {
    const { metadataV11 } = await library();
    const connection = await any();
    const asked = withRefusals(metadataV11.api.async(connection, topics && [...topics], false, false));
    const found = await asked.catch((error: unknown) => {
      throw brokers.size === 0 && platformaticCodeOf(error) === undefined
        ? new BrokerUnreachableError(hungUp(error))
        : error;
    });
    brokers = new Map(found.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    return found;
  };

  return {
    metadata,
    broker: async (nodeId, lane) => {
      if (nodeId === noBroker) throw new NoLeaderError('a partition');
      if (!brokers.has(nodeId)) await metadata([]);
      const address = brokers.get(nodeId);
      if (address === undefined) throw new BrokerUnreachableError(`broker ${nodeId} is not in its cluster`);
      return connections.to(address, lane);
    },
    any,
    to: connections.to,
    reset: connections.reset,
    close: connections.close,
  };
};
