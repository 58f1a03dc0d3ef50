import { type Clock, type Health, textOf } from '@holdfast/core';
import { type Intake, whyPaused, whyStalled } from '@holdfast/flow';
import { BrokerRefusedError } from './errors.ts';
import type { Link } from './link.ts';
import type { Share } from './share.ts';

export interface Condition {
  readonly closed: boolean;
  /** Why it has closed by itself. */
  readonly endedBy: unknown;
  readonly link: Pick<Link, 'current' | 'failure'>;
  readonly shares: readonly Pick<Share, 'missing'>[];
  /** Why the last look at the shares failed. */
  readonly failure: unknown;
  readonly intake: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons' | 'full'>;
  readonly clock: Clock;
}

/** Health from what has happened, not from being connected. */
export const readHealth = ({ closed, endedBy, link, shares, failure, intake, clock }: Condition): Health => {
  if (closed) {
    const reason = endedBy === undefined ? 'closed' : `closed: ${textOf(endedBy)}`;
    return { live: false, ready: false, reasons: [reason] };
  }
  const unready: string[] = [];
  if (link.current === undefined) unready.push(`not connected to RabbitMQ: ${textOf(link.failure ?? 'not yet')}`);
  if (failure !== undefined) unready.push(textOf(failure));
  for (const { missing } of shares) if (missing !== undefined) unready.push(missing);
  unready.push(...whyStalled(intake, clock));
  // Credentials do not come right by waiting.
  const live = !(link.current === undefined && link.failure instanceof BrokerRefusedError);
  return { live, ready: unready.length === 0, reasons: [...whyPaused(intake), ...unready] };
};
