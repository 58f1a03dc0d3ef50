import { settledOrAborted } from '@holdfast/flow';
import type { Database, Lease, Row } from '@holdfast/postgres';
import { type HeldRow, heldRow, keyIsParked, type Place } from './held-row.ts';
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
  settle(places: readonly Place[], signal: AbortSignal): Promise<Tick | Refusal>;
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
  const fetch = createFetch(database, table, route);
  return async (asked, signal) => {
    const pages = await fetch(
      asked.map(({ shard, position, size }) => ({ shard, ...position, size })),
      signal,
    );
    return pages.map(({ seen, ...page }) => ({ snapshot: seen, ...page }));
  };
};

interface Fetching extends Position {
  readonly shard: string;
  /** That of the first page, where this is a later one. */
  readonly snapshot?: string;
  readonly size: PageSize;
}

interface Fetched extends Page {
  /** The snapshot of the statement. */
  readonly seen: string;
  readonly incarnation: string;
}

const createFetch = <Tx>(database: Database<Tx>, table: string, route: string) => {
  const text = `select * from ${namesOf(table, database.schema).part('fetch')}($1::text, $2::text::jsonb, $3::text::boolean)`;
  /** Rows larger than their share of a page are about: then pages are weighed, which takes longer for each row. */
  let weighed = false;

  const fetchRows = async (fetching: readonly Fetching[], signal?: AbortSignal): Promise<readonly Row[]> => {
    const pages = JSON.stringify(fetching.map(({ size, ...from }) => ({ ...from, ...size })));
    const read = (weigh: boolean) => database.execute(text, [route, pages, String(weigh)], { signal });
    // Others may be on their way: what this one has asked for decides what it has got.
    const asked = weighed;
    const rows = await read(asked);
    if (asked || !rows.some(isWithheld)) return rows;
    weighed = true;
    return read(true);
  };
  return async (fetching: readonly Fetching[], signal?: AbortSignal): Promise<readonly Fetched[]> => {
    const [head, ...found] = await fetchRows(fetching, signal);
    const ofPages = fetching.length > 1 ? Map.groupBy(found, ({ page }) => Number(page)) : undefined;
    const pages = fetching.map(({ shard, size }, n) => {
      const rows = ofPages === undefined ? found : (ofPages.get(n + 1) ?? []);
      return {
        seen: head?.id as string,
        incarnation: head?.key as string,
        rows: rows.map((row) => heldRow(row, Number(shard))),
        full: rows.length === size.rows || rows.at(-1)?.place?.endsWith(' full') === true,
      };
    });
    weighed &&= pages.some(({ rows }, n) => rows.some((row) => isLarge(row, fetching[n]?.size)));
    return pages;
  };
};

/** A page that is not weighed leaves out what it has not asked the size of before. */
const isWithheld = ({ place, body }: Row): boolean => place !== null && body === null;

const isLarge = ({ headers, body }: HeldRow, size: PageSize | undefined): boolean =>
  size !== undefined && Buffer.byteLength(headers) + Buffer.byteLength(body) > Math.floor(size.bytes / size.rows);

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

  const fetch = createFetch(database, options.table, route);
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
    fetchOn: async (position, { snapshot, after, size }, signal) => {
      const [page] = await fetch([{ shard, ...position, after, snapshot, size }], signal);
      return page ?? { rows: [], full: false };
    },
    settle: (places, signal) => orAborted(settleTogether({ shard, epoch, incarnation, places }), signal),
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
