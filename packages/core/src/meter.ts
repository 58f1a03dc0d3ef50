import { channel } from 'node:diagnostics_channel';

type Attributes = Readonly<Record<string, string | number>>;

/** Where counts and measurements go. Names are dotted: `holdfast.outbox.lag`. Units are in the names' docs. */
export interface Meter {
  /** Adds to a counter. */
  count(name: string, by: number, attributes?: Attributes): void;
  /** Sets a gauge. */
  gauge(name: string, value: number, attributes?: Attributes): void;
  /** Records one observation, of a duration in milliseconds or a size. */
  record(name: string, value: number, attributes?: Attributes): void;
}

/** What {@link diagnosticsMeter} publishes on the channel `holdfast:metric`. */
export interface Metric {
  readonly kind: 'count' | 'gauge' | 'record';
  readonly name: string;
  readonly value: number;
  readonly attributes: Attributes;
}

const metrics = channel('holdfast:metric');

const publish = (kind: Metric['kind'], name: string, value: number, attributes: Attributes = {}): void => {
  if (metrics.hasSubscribers) metrics.publish({ kind, name, value, attributes } satisfies Metric);
};

/** Publishes on `diagnostics_channel` `holdfast:metric`; costs nothing while nobody listens. */
export const diagnosticsMeter: Meter = {
  count: (name, by, attributes) => publish('count', name, by, attributes),
  gauge: (name, value, attributes) => publish('gauge', name, value, attributes),
  record: (name, value, attributes) => publish('record', name, value, attributes),
};
