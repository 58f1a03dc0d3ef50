/** The header names that Holdfast reads and writes, in CloudEvents binary mode where CloudEvents has one. */
export const headerNames = {
  contentType: 'content-type',
  source: 'ce_source',
  time: 'ce_time',
  /** The contract's version, a whole number. A CloudEvents extension attribute. */
  version: 'ce_dataversion',
  correlationId: 'correlationid',
  causationId: 'causationid',
  replyTo: 'replyto',
  traceParent: 'traceparent',
  traceState: 'tracestate',
} as const;

/** Headers that start with this are Holdfast's own: what a user sends under it is refused. */
export const reservedHeaderPrefix = 'holdfast-';
