import assert from 'node:assert/strict';
import { AssignerProtocol } from 'kafkajs';
import { decodeAssigned, decodeSubscribed, encodeAssigned, encodeSubscribed } from '../src/group-protocol.ts';
import { offeredProtocols, readShare, shareFor } from '../src/protocols.ts';

const { MemberAssignment, MemberMetadata } = AssignerProtocol;
const userData = Buffer.from('ours');

describe("Kafka's protocol for groups", () => {
  it('says of a member what kafkajs says and reads', () => {
    const encoded = encodeSubscribed({ topics: ['orders', 'żółw'], userData });
    assert.deepEqual(encoded, MemberMetadata.encode({ version: 0, topics: ['orders', 'żółw'], userData }));
    const { topics, userData: said } = decodeSubscribed(encoded);
    assert.deepEqual([topics, Buffer.from(said)], [['orders', 'żółw'], userData]);
  });

  it('says of a share what kafkajs says and reads', () => {
    const partitions = new Map([
      ['orders', [0, 3]],
      ['empty', []],
    ]);
    const encoded = encodeAssigned({ partitions, userData });
    const assignment = Object.fromEntries(partitions);
    assert.deepEqual(encoded, MemberAssignment.encode({ version: 0, assignment, userData }));
    assert.deepEqual(decodeAssigned(encoded).partitions, partitions);
  });

  it('reads no assignment at all as none', () => {
    assert.equal(decodeAssigned(new Uint8Array(0)).partitions.size, 0);
  });

  it('holds nothing back from the members of a plain kafkajs group', async () => {
    const holding = { topics: ['orders'], owned: [{ topic: 'orders', partition: 0 }], leaving: [], generation: 1 };
    const plain = offeredProtocols(holding).find(({ name }) => name === 'RoundRobinAssigner');
    assert.ok(plain);
    const members = ['a', 'b'].map((memberId) => ({ memberId, metadata: plain.metadata }));
    const shares = await shareFor(members, plain.name, async () => new Map([['orders', 2]]));
    const read = [...shares.values()].map(readShare);
    assert.deepEqual(
      read.map(({ places, pending }) => [places.length, pending]),
      [
        [1, 0],
        [1, 0],
      ],
    );
  });
});
