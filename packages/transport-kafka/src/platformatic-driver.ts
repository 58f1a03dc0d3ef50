import type { Clock } from '@holdfast/core';
import { loadClient } from './client-package.ts';
import type { KafkaDriver, KafkaLink } from './driver.ts';
import { createCluster } from './platformatic-cluster.ts';
import type { Address } from './platformatic-connections.ts';
import { platformaticCodeOf } from './platformatic-errors.ts';
import { groupRequests } from './platformatic-groups.ts';
import type { Library } from './platformatic-library.ts';
import type { PlatformaticOptions } from './platformatic-options.ts';
import { recordRequests } from './platformatic-records.ts';
import { topicRequests } from './platformatic-topics.ts';

export interface PlatformaticDriverOptions {
  readonly brokers: readonly Address[];
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly connecting: PlatformaticOptions;
  readonly clock: Clock;
}

/** The driver on `@platformatic/kafka`, which is loaded when a link is first used. */
export const platformaticDriver = ({ connecting, clock, ...options }: PlatformaticDriverOptions): KafkaDriver => {
  let loading: Promise<Library> | undefined;
  const library = (): Promise<Library> => {
    loading ??= loadClient('@platformatic/kafka', () => import('@platformatic/kafka'));
    return loading;
  };
  const link = (): KafkaLink => {
    const cluster = createCluster({ ...options, ...connecting, library });
    return {
      topics: topicRequests(cluster, library),
      groups: groupRequests(cluster, library),
      records: recordRequests(cluster, library, clock),
      reset: cluster.reset,
      close: cluster.close,
    };
  };
  return { link, codeOf: platformaticCodeOf };
};
