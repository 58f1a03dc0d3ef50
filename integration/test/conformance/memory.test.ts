import { transportSuite } from '@holdfast/conformance';
import { createMemoryBroker, memoryTransport } from '@holdfast/transport-memory';
import { memoryCapabilities } from './memory-capabilities.ts';

const broker = createMemoryBroker();

transportSuite(
  {
    name: 'memory',
    create: (runtime) => memoryTransport({ broker, runtime }),
    capabilities: memoryCapabilities,
  },
  { describe, it, afterEach },
);
