import { HoldfastError } from '@holdfast/core';

/** A relay was given another number of shards than its table has. */
export class ShardMismatchError extends HoldfastError {
  override readonly code = 'shard_mismatch';
  constructor(table: string, found: number, wanted: number) {
    super(
      `'${table}' has ${found} shards but the relay was given ${wanted}; the number is fixed by the first row, because ` +
        'another one moves keys: leave the option out, or give what is stored',
    );
  }
}
