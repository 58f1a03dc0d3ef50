import {
  type Clock,
  type Contract,
  createRuntime,
  InvalidOptionError,
  refuseUnknown,
  type Transport,
} from '@holdfast/core';
import { exponential, type TenantBulkhead } from '@holdfast/policies';
import type { AfterDeadLetter, ConsumerOptions, RetryOptions, Settings } from './consumer-options.ts';
import { checkDeduplicate } from './deduplicate.ts';
import { watchedBreaker, watchedBulkhead } from './watched-policy.ts';

const known = [
  'transport',
  'group',
  'from',
  'database',
  'deduplicate',
  'retry',
  'breaker',
  'bulkhead',
  'tenantOf',
  'timeoutMs',
  'totalTimeoutMs',
  'concurrency',
  'maxInFlight',
  'ordering',
  'unhandled',
  'inbox',
  'retentionMs',
  'holdMs',
  'afterDeadLetter',
  'parkedCapacity',
  'suspectDeaths',
  'runtime',
];
const knownOfRetry = ['attempts', 'backoff', 'unless', 'budget'];

/** Whether keys are parked in the store, and dead letters kept there. */
export const parks = ({ database, inbox }: Pick<Settings<never>, 'inbox'> & { readonly database: unknown }): boolean =>
  database !== undefined && inbox === 'direct';

/** Throws {@link InvalidOptionError} for what cannot work or is not known. */
export const checkOptions = <Tx>(options: ConsumerOptions<Tx>): Settings<Tx> => {
  refuseUnknown('createConsumer', known, options);
  if (options.retry !== undefined) checkRetry(options.retry);
  const { transport, group, from, database, retry = {}, ordering = 'key', unhandled = 'ignore' } = options;
  const { inbox = 'direct', timeoutMs, totalTimeoutMs, concurrency, maxInFlight = 1_000 } = options;
  const { attempts = 10, unless = () => false } = retry;
  if (typeof transport?.subscribe !== 'function') throw invalid('transport', transport, 'a transport');
  if (typeof group !== 'string' || group === '') throw invalid('group', group, 'the name of a group');
  checkOneOf('from', from, ['earliest', 'latest']);
  checkOneOf('ordering', ordering, ['key', 'none']);
  checkOneOf('unhandled', unhandled, ['ignore', 'reject']);
  checkOneOf('inbox', inbox, ['direct', 'store-first']);
  if (inbox === 'store-first' && database === undefined) {
    throw new InvalidOptionError('inbox', "'store-first' stores messages in Postgres; give a database");
  }
  checkDeduplicate(options.deduplicate, database);
  if (attempts !== Number.POSITIVE_INFINITY) checkCount('retry.attempts', attempts);
  if (timeoutMs !== undefined) checkMs('timeoutMs', timeoutMs);
  if (totalTimeoutMs !== undefined) checkMs('totalTimeoutMs', totalTimeoutMs);
  if (concurrency !== undefined) checkCount('concurrency', concurrency);
  checkCount('maxInFlight', maxInFlight);
  const { retentionMs = thirtyDaysMs } = options;
  if (retentionMs !== Number.POSITIVE_INFINITY) checkMs('retentionMs', retentionMs);
  const keepsParked = parks({ database, inbox });
  const holdMs = checkHold(options.holdMs, transport, keepsParked);
  const afterDeadLetter = checkAfterDeadLetter(options.afterDeadLetter, { database, inbox });
  const parkedCapacity = checkOfParking('parkedCapacity', options.parkedCapacity, database !== undefined) ?? 100_000;
  const suspectDeaths = checkOfParking('suspectDeaths', options.suspectDeaths, database !== undefined) ?? 3;
  const runtime = createRuntime(options.runtime);
  return {
    transport,
    group,
    from,
    database,
    deduplicate: options.deduplicate,
    attempts,
    backoff: retry.backoff ?? exponential({ baseMs: Math.min(200, holdMs), maxMs: Math.min(5_000, holdMs) }),
    unless,
    budget: retry.budget,
    ...checkPolicies(options, runtime.clock),
    timeoutMs,
    totalTimeoutMs,
    concurrency,
    maxInFlight,
    ordering,
    unhandled,
    inbox,
    retentionMs,
    holdMs,
    afterDeadLetter,
    parkedCapacity,
    suspectDeaths,
    maxDelayMs: database === undefined ? holdMs : Number.POSITIVE_INFINITY,
    runtime,
  };
};

const thirtyDaysMs = 30 * 24 * 3_600_000;

const checkRetry = (retry: RetryOptions): void => {
  if (typeof retry !== 'object' || retry === null)
    throw invalid('retry', retry, 'an object with attempts, backoff, unless, budget');
  refuseUnknown('retry', knownOfRetry, retry);
  for (const rule of ['backoff', 'unless'] as const) {
    if (retry[rule] !== undefined && typeof retry[rule] !== 'function')
      throw invalid(`retry.${rule}`, retry[rule], 'a function');
  }
  if (retry.budget !== undefined && typeof retry.budget?.withdraw !== 'function') {
    throw invalid('retry.budget', retry.budget, 'a retryBudget');
  }
};

/** Throws {@link InvalidOptionError} for what could not be found out before a message comes. */
export const checkHandler = (contract: Contract, handler: unknown): void => {
  if (typeof contract?.type !== 'string') throw invalid('contract', contract, 'a contract, made by defineMessage');
  if (typeof handler !== 'function') throw invalid('handler', handler, `a function that handles '${contract.type}'`);
};

const checkHold = (
  holdMs: number | undefined,
  { name, capabilities: { maxHoldMs } }: Transport,
  keepsParked: boolean,
): number => {
  if (holdMs === undefined) return keepsParked ? Math.min(defaultHoldMs, maxHoldMs) : maxHoldMs;
  checkMs('holdMs', holdMs);
  if (holdMs <= maxHoldMs) return holdMs;
  throw new InvalidOptionError(
    'holdMs',
    `found ${holdMs}, but transport '${name}' holds a message for ${maxHoldMs} ms at most`,
  );
};

const defaultHoldMs = 5_000;

const checkPolicies = (
  { breaker, bulkhead, tenantOf }: Pick<ConsumerOptions<never>, 'breaker' | 'bulkhead' | 'tenantOf'>,
  clock: Clock,
): Pick<Settings<never>, 'breaker' | 'bulkhead' | 'tenants'> => {
  if (breaker !== undefined && !isObservable(breaker) && !isPolicyObject(breaker)) {
    throw invalid('breaker', breaker, 'a circuitBreaker, or a policy of cockatiel');
  }
  const watched = { breaker: breaker && watchedBreaker(breaker, clock) };
  if (bulkhead !== undefined && isPerTenant(bulkhead)) {
    if (typeof tenantOf !== 'function') throw invalid('tenantOf', tenantOf, 'a function, for a bulkhead per tenant');
    return { ...watched, bulkhead: undefined, tenants: { bulkhead, tenantOf } };
  }
  if (bulkhead !== undefined && !isObservable(bulkhead) && !isPolicyObject(bulkhead)) {
    throw invalid('bulkhead', bulkhead, 'a bulkhead, a tenantBulkhead, or a policy of cockatiel');
  }
  if (tenantOf !== undefined) throw invalid('tenantOf', tenantOf, 'none without a bulkhead per tenant');
  return { ...watched, bulkhead: bulkhead && watchedBulkhead(bulkhead, clock), tenants: undefined };
};

type AnyPolicy = NonNullable<ConsumerOptions<never>['breaker'] | ConsumerOptions<never>['bulkhead']>;

const isPerTenant = (policy: AnyPolicy): policy is TenantBulkhead =>
  typeof policy === 'function' && 'of' in policy && typeof policy.of === 'function' && 'stateOf' in policy;

/** Others cannot tell when to pause: `combine`, `rateLimit`, `timeout`. */
const isObservable = (policy: AnyPolicy): boolean =>
  typeof policy === 'function' && 'onChange' in policy && typeof policy.onChange === 'function' && 'state' in policy;

const isPolicyObject = (policy: AnyPolicy): boolean =>
  typeof policy === 'object' && policy !== null && typeof policy.execute === 'function';

const checkAfterDeadLetter = (
  found: AfterDeadLetter | undefined,
  { database, inbox }: { readonly database: unknown; readonly inbox: 'direct' | 'store-first' },
): AfterDeadLetter => {
  const blocks = database !== undefined && inbox === 'direct';
  if (found === undefined) return blocks ? 'block' : 'continue';
  checkOneOf('afterDeadLetter', found, ['block', 'continue']);
  if (found === 'continue' || blocks) return found;
  throw new InvalidOptionError(
    'afterDeadLetter',
    database === undefined
      ? "'block' keeps what follows a dead letter in Postgres; give a database, or take 'continue'"
      : "'block' is not there with inbox: 'store-first'; take 'continue', or inbox: 'direct'",
  );
};

const checkOfParking = (option: string, found: number | undefined, hasStore: boolean): number | undefined => {
  if (found === undefined) return undefined;
  checkCount(option, found);
  if (hasStore) return found;
  throw new InvalidOptionError(option, 'parking, dead letters in the store and counting crashes need a database');
};

const checkOneOf = (option: string, found: unknown, expected: readonly string[]): void => {
  if (!expected.includes(found as string)) {
    throw invalid(option, found, expected.map((value) => `'${value}'`).join(' or '));
  }
};

/** Throws {@link InvalidOptionError} for what cannot be counted with. */
export const checkCount = (option: string, found: number): void => {
  if (!Number.isSafeInteger(found) || found < 1) throw invalid(option, found, 'a whole number from 1');
};

const checkMs = (option: string, found: number): void => {
  if (!(Number.isFinite(found) && found > 0)) throw invalid(option, found, 'a number of milliseconds above 0');
};

const invalid = (option: string, found: unknown, expected: string): InvalidOptionError =>
  new InvalidOptionError(option, `found ${describe(found)}; expected ${expected}`);

const describe = (value: unknown): string =>
  typeof value === 'string'
    ? `'${value}'`
    : typeof value === 'object' && value !== null
      ? 'an object'
      : typeof value === 'function'
        ? 'a function'
        : String(value);
