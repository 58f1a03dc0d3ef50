import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { responseTo } from '../src/kafkajs-answers.ts';
import type { ProtocolResponse } from '../src/kafkajs-internals.ts';

const require = createRequire(import.meta.url);
const Encoder = require('kafkajs/src/protocol/encoder');

/** kafkajs's own way to read an answer, and ours around it. */
const readersOf = (
  api: string,
  version: number,
): { readonly theirs: ProtocolResponse; readonly ours: ProtocolResponse } => {
  const theirs: ProtocolResponse = require(`kafkajs/src/protocol/requests/${api}/v${version}/response`);
  const apiKey = ['produce', 'fetch', '', 'metadata'].indexOf(api);
  return { theirs, ours: responseTo({ request: { apiKey, apiVersion: version }, response: theirs }) };
};

const read = async ({ decode, parse }: ProtocolResponse, raw: Buffer): Promise<unknown> => parse(await decode(raw));

const typeOf = (error: unknown): unknown => (error as { type?: unknown } | undefined)?.type;

describe('an answer of a broker in which one partition has failed', () => {
  it('that tells of topics tells of the other partitions, and that this one has no leader', async () => {
    const partition = (code: number, id: number, leader: number) =>
      new Encoder().writeInt16(code).writeInt32(id).writeInt32(leader).writeArray([1]).writeArray([1]).writeArray([]);
    const topic = (code: number) =>
      new Encoder()
        .writeInt16(code)
        .writeString('orders')
        .writeBoolean(false)
        .writeArray([partition(0, 0, 1), partition(5, 1, 2), partition(9, 2, 3)]);
    const answer = (code: number): Buffer =>
      new Encoder()
        .writeInt32(0)
        .writeArray([])
        .writeString('cluster')
        .writeInt32(1)
        .writeArray([topic(code)]).buffer;
    const { ours, theirs } = readersOf('metadata', 6);
    await assert.rejects(read(theirs, answer(0)), /no leader/);
    const { topicMetadata } = (await read(ours, answer(0))) as {
      topicMetadata: readonly { partitionMetadata: readonly { leader: number }[] }[];
    };
    assert.deepEqual(
      topicMetadata[0]?.partitionMetadata.map(({ leader }) => leader),
      [1, -1, 3],
    );
    await assert.rejects(read(ours, answer(3)), (error) => typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION');
  });

  it('that tells what was stored tells it of each', async () => {
    const partition = (id: number, code: number) =>
      new Encoder().writeInt32(id).writeInt16(code).writeInt64(0).writeInt64(-1).writeInt64(0);
    const topic = new Encoder().writeString('orders').writeArray([partition(0, 0), partition(1, 10)]);
    const answer: Buffer = new Encoder().writeArray([topic]).writeInt32(0).buffer;
    const { ours, theirs } = readersOf('produce', 7);
    await assert.rejects(read(theirs, answer), (error) => typeOf(error) === 'MESSAGE_TOO_LARGE');
    const { topics } = (await read(ours, answer)) as {
      topics: readonly { partitions: readonly { error?: unknown }[] }[];
    };
    assert.deepEqual(
      topics[0]?.partitions.map(({ error }) => typeOf(error)),
      [undefined, 'MESSAGE_TOO_LARGE'],
    );
  });

  it('that brings records brings those of the others; one that failed as a whole is an error', async () => {
    const partition = (id: number, code: number) =>
      new Encoder()
        .writeInt32(id)
        .writeInt16(code)
        .writeInt64(9)
        .writeInt64(9)
        .writeInt64(0)
        .writeArray([])
        .writeInt32(-1)
        .writeInt32(0);
    const topic = new Encoder().writeString('orders').writeArray([partition(0, 0), partition(1, 1)]);
    const answer = (code: number): Buffer =>
      new Encoder()
        .writeInt32(0)
        .writeInt16(code)
        .writeInt32(0)
        .writeArray(code === 0 ? [topic] : []).buffer;
    const { ours, theirs } = readersOf('fetch', 11);
    await assert.rejects(read(theirs, answer(0)), (error) => typeOf(error) === 'OFFSET_OUT_OF_RANGE');
    const { responses } = (await read(ours, answer(0))) as {
      responses: readonly { partitions: readonly { error?: unknown }[] }[];
    };
    assert.deepEqual(
      responses[0]?.partitions.map(({ error }) => typeOf(error)),
      [undefined, 'OFFSET_OUT_OF_RANGE'],
    );
    await assert.rejects(read(ours, answer(70)), (error) => typeOf(error) === 'FETCH_SESSION_ID_NOT_FOUND');
  });
});
