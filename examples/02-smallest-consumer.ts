import { memoryTransport } from '@holdfast/transport-memory';
import { createConsumer, createPublisher, defineMessage } from 'holdfast';
import * as z from 'zod';

const Greeting = defineMessage('greeting', {
  version: 1,
  topic: 'greetings',
  schema: z.object({ to: z.string() }),
  key: (greeting) => greeting.to,
});

// Without Postgres: at least once, in order per key.
await using transport = memoryTransport({ topics: { greetings: { partitions: 4 } } });
const greeted = Promise.withResolvers<void>();
const consumer = createConsumer({ transport, group: 'hall', from: 'latest' });
consumer.on(Greeting, async ({ to }) => {
  console.log(`hello ${to}`);
  greeted.resolve();
});
await consumer.start();

await createPublisher(transport).publish(Greeting, { to: 'world' });
await greeted.promise;
await consumer.close();
