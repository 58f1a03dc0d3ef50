/** The warnings of Node that mean a leak or a wrong timer: no run passes with one. */
export const fatalWarnings: ReadonlySet<string> = new Set([
  'MaxListenersExceededWarning',
  'TimeoutOverflowWarning',
  'TimeoutNegativeWarning',
]);
