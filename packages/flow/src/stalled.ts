import type { Clock } from '@holdfast/core';
import type { Intake } from './intake.ts';

/** Why nothing is fetched although it is ready, for a subscription's health. */
export const whyPaused = ({ reasons, full }: Pick<Intake, 'reasons' | 'full'>): readonly string[] =>
  [...reasons, ...full].map((reason) => `paused: ${reason}`);

/** Without a settlement for so long, while messages are in flight, a subscription is not ready. */
const stalledAfterMs = 30_000;

/** Why an intake does not get on, for a subscription's health; nothing while it is paused or has nothing to do. */
export const whyStalled = (
  { inFlight, lastProgress, reasons }: Pick<Intake, 'inFlight' | 'lastProgress' | 'reasons'>,
  clock: Clock,
): readonly string[] => {
  const idleMs = clock.monotonic() - lastProgress;
  if (inFlight === 0 || reasons.length > 0 || idleMs <= stalledAfterMs) return [];
  return [`nothing settled for ${Math.round(idleMs)} ms while ${inFlight} messages are in flight`];
};
