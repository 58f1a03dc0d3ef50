import type { AdoptedStream } from './adopted.ts';

/** A topic as it is stored, or a stream that somebody else declared. */
export interface Topic {
  readonly name: string;
  readonly partitions: number;
  readonly adopted?: AdoptedStream | undefined;
}
