/** The places where a crash matters, named. No-ops unless a test arms them. */
export type TriggerPoint =
  | 'publish.afterSend.beforeConfirm'
  | 'relay.beforeHandOver'
  | 'relay.afterConfirm.beforeDelete'
  | 'inbox.afterEffect.beforeCommit'
  | 'consumer.afterEffect.beforeAck'
  | 'parking.afterStore.beforeAck'
  | 'parking.afterRest'
  | 'lease.beforeRenew'
  | 'idempotency.beforeRecord'
  | 'shutdown.afterIntakeStop';

type Action = () => Promise<void> | void;

let armed: ReadonlyMap<TriggerPoint, Action> | undefined;

/** For tests: what to do when a trigger point is reached. Returns what disarms them all. */
export const armTriggerPoints = (actions: Readonly<Partial<Record<TriggerPoint, Action>>>): (() => void) => {
  armed = new Map(Object.entries(actions) as [TriggerPoint, Action][]);
  return () => {
    armed = undefined;
  };
};

/** Reaches a trigger point. Await it only where it returns a promise: unarmed, it costs one comparison. */
export const reach = (point: TriggerPoint): Promise<void> | void => armed?.get(point)?.();
