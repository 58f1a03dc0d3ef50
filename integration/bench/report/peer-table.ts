import { latencyGiveUpMs, latencyRate, peers } from '../peers/peers.ts';
import type { Kept } from './kept.ts';
import { number } from './numbers.ts';

const introduction = `## Beside other libraries

Messages of 200 bytes are added one by one, each in a transaction of its own, as each library says to do it inside a business
transaction. *rows/s* is a backlog of 10,000 given to a handler that does nothing, or what was done of it in 30 seconds;
latency is from the begin of the adding transaction to the handler, at ${latencyRate} messages a second; *missing* is how many
of those 1,000 had not come after ${latencyGiveUpMs / 1_000} seconds. One server, one process each, the same durability: fsync on,
synchronous commits, every library waits for the disk unless it decides otherwise itself. They promise different things, so
read the second column too.`;

/** Why a library is where it is; found by listening to its log. */
const remarks = `\`pg-transactional-outbox\` looks for the oldest message of every segment among all that wait, for each five
messages, which is why a backlog is slow; a message whose row lock was taken at that moment waits for its \`locked_until\`, five
seconds later. By replication it can be told of a message before its commit is visible to others: it then logs
\`MESSAGE_NOT_FOUND\`, acknowledges it, and never hands it over.`;

/** A part of the page. */
export const peerTable = (kept: Kept['peers']): string =>
  [
    introduction,
    [
      '| | set up | version | rows/s | p50 | p99 | missing |',
      '|---|---|---|---|---|---|---|',
      ...peers.flatMap(({ name, setUp }) =>
        kept.filter((result) => result.name === name).map((result) => peerLine(setUp, result)),
      ),
    ].join('\n'),
    remarks,
  ].join('\n\n');

const peerLine = (setUp: string, result: Kept['peers'][number]): string => {
  const { name, version, rowsPerSecond, p50Ms, p99Ms, missing, quick } = result;
  return `| ${name}${quick ? ' °' : ''} | ${setUp} | ${version} | ${number(rowsPerSecond)} | ${number(p50Ms)} ms | ${number(p99Ms)} ms | ${missing} |`;
};
