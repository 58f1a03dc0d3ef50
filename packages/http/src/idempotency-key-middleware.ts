import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WonClaim } from '@holdfast/idempotency';
import { noteClaim } from './claim-of.ts';
import { decide } from './decide.ts';
import { finish, replayedHeader } from './finish.ts';
import { holdResponse } from './hold-response.ts';
import { type IdempotencyKeyOptions, type KeySettings, readKeyOptions } from './key-options.ts';
import { problems } from './problems.ts';
import { type TappedBody, tapBody } from './tap-body.ts';

/** A middleware of Express, Connect, and of Fastify through `@fastify/middie`. */
export type NodeMiddleware<R extends IncomingMessage = IncomingMessage> = (
  request: R,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** How long a response may take whose client has gone, before its key is given back. */
const abandonAfterMs = 60_000;

/**
 * As {@link idempotencyKey}, for Node's own requests and responses. It belongs after what finds the caller; where a body
 * parser comes before it, the parsed body is compared. An error of the handler is the framework's to answer: a 500 is not
 * kept. A claim of the key that is lost while the handler runs aborts the signal of {@link claimOf}, and is answered with 503,
 * whatever the handler says, unless it has begun to flow. Where the client has gone and nothing is sent within a minute, the key is given back.
 */
export const idempotencyKeyMiddleware = <R extends IncomingMessage = IncomingMessage>(
  options: IdempotencyKeyOptions<R>,
): NodeMiddleware<R> => {
  const settings = readKeyOptions(options);
  return (request, response, next) => {
    const { method = 'GET' } = request;
    const header = request.headers['idempotency-key'];
    if (!settings.methods.has(method)) return next();
    const body = tapBody(request);
    const keyed = {
      ...{ request, method, target: targetOf(request) },
      header: Array.isArray(header) ? header.join(',') : header,
      hashBody: body.drain,
    };
    decide(settings, keyed).then((decision) => {
      switch (decision.step) {
        case 'pass':
          return next();
        case 'refuse':
          return send(response, decision.problem.status, {
            headers: Object.entries(decision.problem.headers),
            body: decision.problem.body,
          });
        case 'replay': {
          const { status, headers, body: kept } = decision.recorded;
          return send(response, status, { headers: [...headers, [replayedHeader, 'true']], body: kept });
        }
        case 'run':
          noteClaim(request, decision.claim);
          keepResponse(response, { claim: decision.claim, settings, body });
          return next();
      }
    }, next);
  };
};

/** Express takes the path that a router is mounted at off `url`. */
const targetOf = (request: IncomingMessage & { readonly originalUrl?: unknown }): string =>
  typeof request.originalUrl === 'string' ? request.originalUrl : (request.url ?? '/');

interface Keeping<R> {
  readonly claim: WonClaim;
  readonly settings: KeySettings<R>;
  readonly body: TappedBody;
}

const keepResponse = <R>(response: ServerResponse, { claim, settings, body }: Keeping<R>): void => {
  let cancel = (): void => {};
  let ended = false;
  holdResponse(response, {
    maxBodyBytes: settings.maxBodyBytes,
    onEnd: async (held) => {
      ended = true;
      cancel();
      const headers = held.headers.filter(([name]) => settings.headers.has(name));
      const end = await finish(claim, settings, { ...held, headers, requestHash: body.hash() });
      return end === 'lost' ? problems.claimLost : undefined;
    },
  });
  const onClose = (): void => {
    if (!ended) cancel = settings.runtime.clock.after(abandonAfterMs, () => void claim.release());
  };
  if (response.closed) onClose();
  else response.once('close', onClose);
};

interface Sent {
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | Uint8Array;
}

const send = (response: ServerResponse, status: number, { headers, body }: Sent): void => {
  response.statusCode = status;
  for (const [name, value] of headers) response.appendHeader(name, value);
  response.end(body);
};
