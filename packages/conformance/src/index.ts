export { type IdempotencySuiteOptions, idempotencySuite } from './idempotency/idempotency-suite.ts';
export type { InboxUnderTest } from './inbox/bench.ts';
export { type InboxSuiteOptions, inboxSuite } from './inbox/inbox-suite.ts';
export type { MochaLike, TestFunction } from './mocha-like.ts';
export type { OutboxUnderTest } from './outbox/bench.ts';
export { type OutboxSuiteOptions, outboxSuite } from './outbox/outbox-suite.ts';
export type { Skip } from './test-case.ts';
export { type TransportSuiteOptions, transportSuite } from './transport/transport-suite.ts';
