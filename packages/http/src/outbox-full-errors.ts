import type { IncomingMessage, ServerResponse } from 'node:http';
import { outboxFullProblem } from './outbox-full.ts';

/** An error middleware of Express: answers an `OutboxFullError` with 429 and Retry-After, and passes on every other error. */
export const outboxFullErrors =
  () =>
  (error: unknown, _request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void => {
    const full = outboxFullProblem(error);
    if (full === undefined || response.headersSent) next(error);
    else response.writeHead(full.status, { ...full.headers }).end(full.body);
  };
