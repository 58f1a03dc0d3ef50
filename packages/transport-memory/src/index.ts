export { createMemoryBroker, type MemoryBroker, type Overflowing } from './broker.ts';
export { TopicFullError } from './errors.ts';
export type { MemoryTransportOptions } from './options.ts';
export { memoryTransport } from './transport.ts';
