import type { Lease, LeaseShare } from '@holdfast/flow';
import type { Database } from './database.ts';

/** One member's view of a scope's leases in the database. Every call is one statement. */
export interface LeaseStatements {
  /** Renews `held`, gives and takes by fair share. */
  beat(held: readonly Lease[], leaving: boolean, signal: AbortSignal): Promise<LeaseShare>;
  release(held: readonly Lease[], leaving: boolean, signal: AbortSignal): Promise<void>;
  resetDeaths(lease: Lease): Promise<void>;
}

export interface LeaseStatementsOptions {
  readonly scope: string;
  readonly owner: string;
  readonly slots: number;
  readonly leaseMs: number;
  readonly channel: string;
}

export const leaseStatements = <Tx>(database: Database<Tx>, options: LeaseStatementsOptions): LeaseStatements => {
  const { scope, owner, slots, leaseMs, channel } = options;
  const { schema } = database;
  const beatText = `select ${schema}.lease_beat($1::text, $2::text, $3::text::integer, $4::text::integer,
    $5::text::jsonb, $6::text::boolean, $7::text)::text as beat`;
  const releaseText = `select ${schema}.lease_release($1::text, $2::text, $3::text::jsonb, $4::text::boolean, $5::text)::text as released`;
  const resetText = `update ${schema}.leases set deaths = 0, taken_over = false
    where scope = $1::text and slot = $2::text::integer and epoch = $3::text::bigint and (deaths > 0 or taken_over)`;
  return {
    beat: async (held, leaving, signal) => {
      const values = [scope, owner, String(slots), String(leaseMs), epochsOf(held), String(leaving), channel];
      const [row] = await database.execute(beatText, values, { signal });
      return JSON.parse(row?.beat ?? '{"leases":[],"missing":0}') as LeaseShare;
    },
    release: async (held, leaving, signal) => {
      await database.execute(releaseText, [scope, owner, epochsOf(held), String(leaving), channel], { signal });
    },
    resetDeaths: async ({ slot, epoch }) => {
      await database.execute(resetText, [scope, String(slot), epoch]);
    },
  };
};

const epochsOf = (held: readonly Lease[]): string =>
  JSON.stringify(Object.fromEntries(held.map(({ slot, epoch }) => [slot, epoch])));
