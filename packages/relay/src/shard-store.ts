import { settledOrAborted } from '@holdfast/flow';
import type { Database, Lease, Row } from '@holdfast/postgres';
import { type HeldRow, heldRow, keyIsParked } from './held-row.ts';
import type { Position } from './position.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import { namesOf } from './schema/names.ts';
import type { Settling } from './settle-together.ts';
import { type Tick, tickOf } from './ticks.ts';

/** How much a page has at most: so many rows, and none after the one that makes it so many bytes of headers and bodies. */
export interface PageSize {
  readonly rows: number;
  readonly bytes: number;
}

/** One page of a fetch. */
export interface Page {
  readonly rows: readonly HeldRow[];
  /** It has all that it may have: there may be another one. */
  readonly full: boolean;
}

/** The first page of a fetch. */
export interface FirstPage extends Page {
  /** Of the whole fetch: every page of it sees this. */
  readonly snapshot: string;
}

/** Where a fetch goes on. */
export interface NextPage {
  /** Of the first page. */
  readonly snapshot: string;
  /** The last row of the page before. */
  readonly after: string;
  readonly size: PageSize;
}

/**
 * What one owner of a shard does in the database. Each is one statement in a transaction of its own, which `signal` ends;
 * what writes is fenced by the claim's epoch.
 */
export interface ShardStore {
  /** The server, as one that has been up without interruption; and a first tick. */
  begin(signal: AbortSignal): Promise<{ readonly incarnation: string; readonly tick: Tick } | 'lost'>;
  /** The first page of a fetch, from a position. */
  fetch(position: Position, size: PageSize, signal: AbortSignal): Promise<FirstPage | Refusal>;
  /** A later page. */
  fetchOn(position: Position, page: NextPage, signal: AbortSignal): Promise<Page>;
  /** Deletes confirmed rows. */
  settle(rows: readonly HeldRow[], signal: AbortSignal): Promise<Tick | Refusal>;
  /** Moves rows to the parked table. Gives back the numbers of those that stay, because their key is not parked any more. */
  park(rows: readonly HeldRow[], signal: AbortSignal): Promise<ReadonlySet<string> | Refusal>;
  /** Records that a suspect runs alone from now on, or that it did and the process lives. */
  markAlone(row: HeldRow, runs: boolean, signal: AbortSignal): Promise<'marked' | Refusal>;
  /** How often each suspect of the shard has killed its process, by number; counts an open start if the owner died. */
  countDeaths(died: boolean, signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
}

/** Where a shard's fetch begins, and how much of it is wanted. */
export interface AskedPage {
  readonly shard: string;
  readonly position: Position;
  readonly size: PageSize;
}

/** The first pages of the fetches of several shards, in the order of `pages`, in one statement: all see one snapshot. */
export type FetchFirst = (pages: readonly AskedPage[], signal?: AbortSignal) => Promise<readonly FetchedFirst[]>;

export interface FetchedFirst extends FirstPage {
  readonly incarnation: string;
}

export const createFetchFirst = <Tx>(database: Database<Tx>, table: string, route: string): FetchFirst => {
  const fetch = namesOf(table, database.schema).part('fetch');
  return async (pages, signal) => {
    const asked = pages.map(({ shard, position, size }, n) => ({ n, shard, ...position, ...size }));
    const rows = await database.execute(
      `select p.n::text, f.* from jsonb_to_recordset($1::text::jsonb) as p(n integer, shard integer, after bigint,
          "lateXids" xid8[], "lateFloors" bigint[], seen text, rows integer, bytes bigint),
        lateral ${fetch}($2::text, p.shard, p.after, p."lateXids", p."lateFloors", p.seen::pg_snapshot, null, p.rows,
          p.bytes) f`,
      [JSON.stringify(asked), route],
      { signal },
    );
    const found = pages.map((): Row[] => []);
    for (const row of rows) found[Number(row.n)]?.push(row);
    return found.map(([first, ...others], n) => ({
      snapshot: first?.id as string,
      incarnation: first?.key as string,
      ...pageOf(others, Number(pages[n]?.shard), pages[n]?.size),
    }));
  };
};

export interface ShardStoreOptions<Tx> {
  readonly database: Database<Tx>;
  /** Shared by the shards of a process, which often fetch at the same moment. */
  readonly fetchFirst: (page: AskedPage) => Promise<FetchedFirst>;
  /** Shared too: what they have to delete while a statement is on its way goes in the next. */
  readonly settleTogether: (settling: Settling) => Promise<Tick | Refusal>;
  readonly table: string;
  readonly route: string;
  readonly scope: string;
  readonly lease: Lease;
}

export const createShardStore = <Tx>(options: ShardStoreOptions<Tx>): ShardStore => {
  const { database, fetchFirst, settleTogether, route, scope, lease } = options;
  const { epoch } = lease;
  const shard = String(lease.slot);
  const names = namesOf(options.table, database.schema);
  const claim = [scope, route, shard, epoch];
  let incarnation = '';

  const fetchPage = (position: Position, { snapshot, after, size }: NextPage, signal: AbortSignal) =>
    database.execute(
      `select * from ${names.part('fetch')}($1::text, $2::text::integer, $3::text::bigint, $4::text::xid8[],
        $5::text::bigint[], nullif($6::text, '')::pg_snapshot, nullif($7::text, '')::pg_snapshot, $8::text::integer,
        $9::text::bigint)`,
      [
        ...[route, shard, after, position.lateXids, position.lateFloors, position.seen ?? '', snapshot],
        ...[String(size.rows), String(size.bytes)],
      ],
      { signal },
    );
  return {
    begin: async (signal) => {
      const [row] = await database.execute(
        `select t.seq, t.xid, ${names.part('incarnation')}() as incarnation,
           ${database.schema}.lease_holds($1::text, $2::text::integer, $3::text::bigint)::text as holds
         from ${names.part('tick')}() t`,
        [scope, shard, epoch],
        { signal },
      );
      if (row?.holds !== 'true') return 'lost';
      incarnation = row.incarnation ?? '';
      return { incarnation, tick: tickOf(row) };
    },
    fetch: async (position, size, signal) => {
      const page = await orAborted(fetchFirst({ shard, position, size }), signal);
      return page.incarnation === incarnation ? page : 'restarted';
    },
    fetchOn: async (position, page, signal) => pageOf(await fetchPage(position, page, signal), lease.slot, page.size),
    settle: (rows, signal) => orAborted(settleTogether({ shard, epoch, incarnation, rows }), signal),
    park: async (rows, signal) => {
      const parked = await database.execute(
        `select * from ${names.part('park')}($1::text, $2::text, $3::text::integer, $4::text::bigint, $5::text,
          $6::text::jsonb)`,
        [...claim, incarnation, JSON.stringify(rows.map((row) => parkRecord(row, route)))],
        { signal },
      );
      return refusalOf(parked[0]?.outcome) ?? new Set(parked.map(({ seq }) => seq as string));
    },
    markAlone: async (row, runs, signal) => {
      const [marked] = await database.execute(
        `select * from ${names.part('mark_alone')}($1::text, $2::text, $3::text::integer, $4::text::bigint,
          $5::text::bigint, $6::text::boolean)`,
        [...claim, row.seq, String(runs)],
        { signal },
      );
      return marked ? 'marked' : 'lost';
    },
    countDeaths: async (died, signal) => {
      const rows = await database.execute(
        `select * from ${names.part('count_deaths')}($1::text, $2::text, $3::text::integer, $4::text::bigint,
          $5::text::boolean)`,
        [...claim, String(died)],
        { signal },
      );
      return new Map(rows.map(({ seq, deaths }) => [seq as string, Number(deaths)]));
    },
  };
};

const pageOf = (rows: readonly Row[], shard: number, size: PageSize | undefined): Page => ({
  rows: rows.map((row) => heldRow(row, shard)),
  full: rows.length === size?.rows || rows.at(-1)?.place?.endsWith(' full') === true,
});

/** A statement that several wait for goes on when one of them does not want it any more. */
const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  await settledOrAborted(work, signal);
  signal.throwIfAborted();
  return work;
};

const parkRecord = (row: HeldRow, route: string): object => ({
  seq: row.seq,
  route,
  key: row.ordered ? row.key : undefined,
  first: row.parking !== keyIsParked,
  reason: row.parking,
  errors: JSON.stringify(row.trouble?.errors ?? []),
  attempts: row.attempt,
});
