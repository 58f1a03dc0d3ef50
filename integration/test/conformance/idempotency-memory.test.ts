import { idempotencySuite } from '@holdfast/conformance';
import { memoryIdempotencyStore } from '@holdfast/idempotency';

const store = memoryIdempotencyStore();

idempotencySuite({ name: 'memory', create: () => store }, { describe, it, afterEach });
