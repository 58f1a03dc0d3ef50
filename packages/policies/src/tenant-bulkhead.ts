import { createRuntime, InvalidOptionError, type Policy, type Runtime, requireWhole } from '@holdfast/core';
import type { BulkheadState } from './bulkhead.ts';
import { withState } from './changes.ts';
import type { Guard } from './guard.ts';
import { guardPolicy } from './layers.ts';
import { BulkheadFullError, TooManyTenantsError } from './rejections.ts';
import { checkSlots, createSlots, type Slots, type SlotsOptions } from './slots.ts';

/** `slots` and `queue` are those of each tenant. */
export interface TenantBulkheadOptions extends SlotsOptions {
  /** Whose call it is: asked at each call, before anything waits, so it may read an `AsyncLocalStorage`. */
  readonly key: () => string;
  /** How many tenants may have calls under way at once. Default 10,000. */
  readonly maxTenants?: number | undefined;
  /** Says in errors and metrics which one it is. Default `bulkhead`. */
  readonly name?: string | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface TenantBulkheadState {
  /** Those with calls under way. */
  readonly tenants: number;
  readonly running: number;
  readonly waiting: number;
  /** How many it has refused in its life, of all tenants. */
  readonly rejected: number;
}

export type TenantBulkhead = Policy & {
  readonly state: TenantBulkheadState;
  /** A tenant's part of the state; `rejected` is since its calls under way began. */
  stateOf(tenant: string): BulkheadState;
  /** The policy for the calls of one tenant, for who knows it without `key`. */
  of(tenant: string): Policy;
};

/**
 * A bulkhead for each tenant, so that a noisy one fills its own only. A tenant is kept in memory while it has calls under
 * way. What finds its tenant's bulkhead full rejects with a {@link BulkheadFullError} that names the tenant, and the call
 * of one tenant too many with a {@link TooManyTenantsError}.
 *
 * Counts `holdfast.bulkhead.rejected`; the gauge `holdfast.bulkhead.waiting` is set whenever a queue moves, over all tenants.
 */
export const tenantBulkhead = (options: TenantBulkheadOptions): TenantBulkhead => {
  const { key, maxTenants = 10_000, name = 'bulkhead' } = options;
  if (typeof key !== 'function') throw new InvalidOptionError('key', `found ${key}; expected a function`);
  requireWhole('maxTenants', maxTenants, 1);
  const limits = checkSlots(options);
  const { meter } = createRuntime(options.runtime);
  const rooms = new Map<string, Room>();
  let rejected = 0;
  let waiting = 0;

  const reject = (error: Error, room?: Room): Error => {
    rejected++;
    if (room !== undefined) room.rejected++;
    meter.count('holdfast.bulkhead.rejected', 1, { name });
    return error;
  };

  const open = (tenant: string): Room => {
    if (rooms.size >= maxTenants) throw reject(new TooManyTenantsError(name, maxTenants, tenant));
    let before = 0;
    const slots = createSlots(limits, () => {
      if (slots.waiting === before) return;
      waiting += slots.waiting - before;
      before = slots.waiting;
      meter.gauge('holdfast.bulkhead.waiting', waiting, { name });
    });
    const room: Room = { tenant, slots, rejected: 0 };
    rooms.set(tenant, room);
    return room;
  };

  const guardOf = (tenantOf: () => string): Guard<Room> => ({
    enter: ({ signal }) => {
      const tenant = tenantOf();
      const room = rooms.get(tenant) ?? open(tenant);
      const turn = room.slots.enter(signal, () => reject(new BulkheadFullError(name, limits, tenant), room));
      return turn === undefined ? room : turn.then(() => room);
    },
    leave: (room, failure) => {
      room.slots.leave();
      if (room.slots.running === 0) rooms.delete(room.tenant);
      return failure;
    },
  });

  const stateOf = (tenant: string): BulkheadState => {
    const { slots, rejected: refused } = rooms.get(tenant) ?? { slots: none, rejected: 0 };
    return { name: slots.name, running: slots.running, waiting: slots.waiting, rejected: refused };
  };
  const read = (): TenantBulkheadState => {
    let running = 0;
    for (const { slots } of rooms.values()) running += slots.running;
    return { tenants: rooms.size, running, waiting, rejected };
  };
  return withState(guardPolicy(guardOf(key)), read, {
    stateOf,
    of: (tenant: string) => guardPolicy(guardOf(() => tenant)),
  });
};

/** One tenant's bulkhead. */
interface Room {
  readonly tenant: string;
  readonly slots: Slots;
  rejected: number;
}

const none = { name: 'free', running: 0, waiting: 0 } as const;
