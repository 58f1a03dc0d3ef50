import { type Clock, type Delivery, type Health, HoldfastError, isHoldfastError, type Message } from '@holdfast/core';
import type { TenantBulkhead } from '@holdfast/policies';
import type { AttemptEnd } from './attempt.ts';
import { guardBy, type PolicyGuard, TurnedAwayError } from './policy-guard.ts';

/** `tenantOf` threw, or gave no text: whose message it is cannot be known, and no retry helps. */
class UnknownTenantError extends HoldfastError {
  override readonly code = 'unknown_tenant';
  constructor(id: string, found: string, cause?: unknown) {
    super(`whose message '${id}' is cannot be known: tenantOf ${found}; give a text for every message`, {
      cause,
      retryable: false,
    });
  }
}

/** A bulkhead for each tenant, and whose a message is. */
export interface Tenants {
  readonly bulkhead: TenantBulkhead;
  readonly tenantOf: (message: Message) => string;
}

export interface TenantGuardOptions extends Tenants {
  /** How many messages of all tenants may wait in the queues of theirs. */
  readonly waitersAtMost: () => number;
  /** Whether it comes from the store of parked keys, which are drained by as many as there are handlers: half may wait. */
  readonly isParked: (delivery: Delivery) => boolean;
  readonly clock: Clock;
}

/** The bulkhead of a message's tenant around what is inside. */
export interface TenantGuard {
  readonly through: PolicyGuard;
  /** Says whose slots are taken. */
  health(): Health;
}

/**
 * Lets a message in where its tenant has a slot, or a place in its queue. It belongs outside of the handler slots: what waits
 * for its tenant must take none from the others; and only so many wait at all, because each is a message taken in. The
 * others are turned away. They come back one after another: soon where the tenant's slots change hands, later where not.
 */
export const tenantGuard = (options: TenantGuardOptions): TenantGuard => {
  const { bulkhead, tenantOf, waitersAtMost, isParked, clock } = options;
  const waiting = { live: 0, parked: 0 };
  const turns = createComebacks(clock);

  const turnedAway = (tenant: string, cause?: unknown): TurnedAwayError =>
    new TurnedAwayError(cause ?? `tenant '${tenant}' has its slots taken`, {
      ofTenant: true,
      retryAfterMs: turns.waitMs(tenant),
    });

  const enter = async (tenant: string, delivery: Delivery, attempt: () => Promise<AttemptEnd>): Promise<AttemptEnd> => {
    const { name } = bulkhead.stateOf(tenant);
    const kind = isParked(delivery) ? 'parked' : 'live';
    const places = kind === 'live' ? waitersAtMost() : Math.floor(waitersAtMost() / 2);
    if (name === 'full' || (name === 'waiting' && waiting[kind] >= places)) return failedOf(turnedAway(tenant));
    let waits = name === 'waiting';
    if (waits) waiting[kind]++;
    const stopWaiting = (): void => {
      if (waits) waiting[kind]--;
      waits = false;
    };
    const guard = guardBy(bulkhead.of(tenant), {
      counts: () => false,
      turnedAway: (error) => (isFull(error) ? turnedAway(tenant, error) : new TurnedAwayError(error)),
    });
    try {
      return await guard(delivery, () => {
        stopWaiting();
        turns.admitted(tenant);
        return attempt();
      });
    } finally {
      stopWaiting();
      if (bulkhead.stateOf(tenant).running === 0) turns.forget(tenant);
    }
  };

  return {
    through: (delivery, attempt) => {
      const tenant = nameOf(tenantOf, delivery.message);
      return typeof tenant === 'string' ? enter(tenant, delivery, attempt) : Promise.resolve(failedOf(tenant));
    },
    health: () => {
      const full = turns.awaited();
      if (full.length === 0) return { live: true, ready: true, reasons: [] };
      const whose = full.length === 1 ? `tenant '${full[0]}' has its` : `${full.length} tenants have their`;
      return { live: true, ready: true, reasons: [`${whose} slots taken; what comes of theirs waits`] };
    },
  };
};

const isFull = (error: unknown): boolean =>
  isHoldfastError(error, 'bulkhead_full') || isHoldfastError(error, 'too_many_tenants');

const failedOf = (error: HoldfastError): AttemptEnd => ({ end: 'failed', error, hadEffect: false, tookMs: 0 });

const nameOf = (tenantOf: (message: Message) => string, message: Message): string | UnknownTenantError => {
  try {
    const found: unknown = tenantOf(message);
    return typeof found === 'string' ? found : new UnknownTenantError(message.id, `gave ${typeof found}`);
  } catch (error) {
    return new UnknownTenantError(message.id, 'threw', error);
  }
};

/** When the messages of full tenants come back: those of one a millisecond apart, however many they are. */
interface Comebacks {
  waitMs(tenant: string): number;
  admitted(tenant: string): void;
  forget(tenant: string): void;
  /** The tenants of which one is to come back. */
  awaited(): readonly string[];
}

const createComebacks = (clock: Clock): Comebacks => {
  const tenants = new Map<string, { nextAt: number; admittedAt: number }>();

  const open = (tenant: string, nowMs: number) => {
    const opened = { nextAt: nowMs, admittedAt: nowMs };
    tenants.set(tenant, opened);
    // Those whose messages have gone to another owner.
    for (const [name, { nextAt }] of tenants) if (nextAt < nowMs - 10 * longestMs) tenants.delete(name);
    return opened;
  };

  return {
    waitMs: (tenant) => {
      const nowMs = clock.monotonic();
      const found = tenants.get(tenant) ?? open(tenant, nowMs);
      const soonestMs = nowMs + Math.max(shortestMs, (nowMs - found.admittedAt) / 4);
      found.nextAt = Math.min(nowMs + longestMs, Math.max(soonestMs, found.nextAt + 1));
      return found.nextAt - nowMs;
    },
    admitted: (tenant) => {
      const found = tenants.get(tenant);
      if (found !== undefined) found.admittedAt = clock.monotonic();
    },
    forget: (tenant) => {
      tenants.delete(tenant);
    },
    awaited: () => {
      const nowMs = clock.monotonic();
      return [...tenants].flatMap(([tenant, { nextAt }]) => (nextAt > nowMs - longestMs ? [tenant] : []));
    },
  };
};

const shortestMs = 50;
const longestMs = 1_000;
