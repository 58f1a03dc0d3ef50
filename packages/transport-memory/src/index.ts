export { createMemoryBroker, type MemoryBroker, type Overflow, type Overflowing } from './broker.ts';
export { GroupRunningError, NotSentError, TopicFullError } from './errors.ts';
export type { MemoryTransportOptions } from './options.ts';
export { memoryTransport } from './transport.ts';
