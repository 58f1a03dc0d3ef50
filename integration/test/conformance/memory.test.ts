import { transportSuite } from '@holdfast/conformance';
import { createMemoryBroker, memoryTransport } from '@holdfast/transport-memory';

const broker = createMemoryBroker();

transportSuite(
  {
    name: 'memory',
    create: (runtime) => memoryTransport({ broker, runtime }),
    capabilities: {
      durable: false,
      replay: true,
      seek: true,
      failsSuffix: true,
      maxHoldMs: Number.MAX_SAFE_INTEGER,
      maxBodyBytes: 1_048_576,
      balances: false,
    },
  },
  { describe, it, afterEach },
);
