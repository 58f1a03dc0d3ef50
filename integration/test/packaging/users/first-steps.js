// What a user's first program does, in plain JavaScript: the test runs it where only the tarballs are installed.
import { memoryTransport } from '@holdfast/transport-memory';
import { createConsumer, createPublisher, defineMessage } from 'holdfast';
import * as z from 'zod';

const Greeting = defineMessage('greeting', { version: 1, topic: 'greetings', schema: z.object({ to: z.string() }) });

const transport = memoryTransport();
const greeted = Promise.withResolvers();
const consumer = createConsumer({ transport, group: 'hall', from: 'latest' });
consumer.on(Greeting, async ({ to }) => greeted.resolve(to));
await consumer.start();
await createPublisher(transport).publish(Greeting, { to: 'world' });
console.log(`hello ${await greeted.promise}`);
await consumer.close();
await transport.close();
