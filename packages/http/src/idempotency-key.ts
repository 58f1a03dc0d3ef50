import { hashBody, hashWhileRead } from './body-hash.ts';
import { type Body, bufferBody } from './buffered-body.ts';
import { noteClaim } from './claim-of.ts';
import { decide } from './decide.ts';
import { finish, isKept, replayedHeader } from './finish.ts';
import { type IdempotencyKeyOptions, type KeySettings, readKeyOptions } from './key-options.ts';
import { outboxFullProblem } from './outbox-full.ts';
import { toResponse } from './problem.ts';
import { problems } from './problems.ts';

/** A handler of HTTP requests as fetch has them: of Hono, Bun, Deno, Remix, Next.js… */
export type FetchHandler = (request: Request) => Promise<Response>;

/**
 * Handles a request with an `Idempotency-Key` once, by draft-ietf-httpapi-idempotency-key-header: a repeat gets the first
 * response with `idempotency-replayed: true`; 409 with Retry-After while the first is being handled; 422 for another
 * request under the same key; 400 for a key that cannot be read, or is missing where it is required; 503 where the store
 * does not answer.
 *
 * The response is kept before it is sent. After a response that is not kept, and after a handler that throws, the key is
 * free again. A claim of the key that is lost while the handler runs aborts `request.signal`, and is answered with 503, whatever
 * the handler says; {@link claimOf} gives its token. An `OutboxFullError` becomes 429 with Retry-After. The body of the request is handed on as it comes.
 */
export const idempotencyKey = (options: IdempotencyKeyOptions<Request>): ((handler: FetchHandler) => FetchHandler) => {
  const settings = readKeyOptions(options);
  return (handler) => async (request) => {
    const { pathname, search } = new URL(request.url);
    const decision = await decide(settings, {
      request,
      method: request.method,
      target: `${pathname}${search}`,
      header: request.headers.get('idempotency-key'),
      hashBody: () => hashBody(request),
    });
    switch (decision.step) {
      case 'pass':
        return handleOrSayFull(handler, request);
      case 'refuse':
        return toResponse(decision.problem);
      case 'replay': {
        const { status, headers, body } = decision.recorded;
        return responseOf(body, status, [...headers, [replayedHeader, 'true']]);
      }
      case 'run':
        return runKeyed(handler, request, { claim: decision.claim, settings });
    }
  };
};

interface Running {
  readonly claim: Parameters<typeof finish>[0];
  readonly settings: KeySettings<Request>;
}

const runKeyed = async (handler: FetchHandler, request: Request, { claim, settings }: Running): Promise<Response> => {
  const hashed = hashWhileRead(request, AbortSignal.any([request.signal, claim.signal]));
  noteClaim(hashed.request, claim);
  try {
    const response = await handleOrSayFull(handler, hashed.request);
    if (!isKept(response, { keep: settings.keep, log: settings.runtime.log })) {
      await claim.release();
      return response;
    }
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const { bytes, body } = await bufferBody(response.body, isStream ? -1 : settings.maxBodyBytes);
    const headers = [...response.headers].filter(([name]) => settings.headers.has(name));
    const recorded = { status: response.status, headers, body: bytes, requestHash: hashed.hash() };
    if ((await finish(claim, settings, recorded)) === 'lost') return toResponse(problems.claimLost);
    return responseOf(body, response.status, [...response.headers], response.statusText);
  } catch (error) {
    await claim.release();
    if (claim.signal.aborted && error === claim.signal.reason) return toResponse(problems.claimLost);
    throw error;
  }
};

const handleOrSayFull = async (handler: FetchHandler, request: Request): Promise<Response> => {
  try {
    return await handler(request);
  } catch (error) {
    const full = outboxFullProblem(error);
    if (full === undefined) throw error;
    return toResponse(full);
  }
};

/** Statuses that have no body. */
const bodiless: ReadonlySet<number> = new Set([101, 204, 205, 304]);

const responseOf = (
  body: Body,
  status: number,
  headers: readonly (readonly [string, string])[],
  statusText?: string,
): Response => {
  const init = { status, headers: headers.map(([name, value]): [string, string] => [name, value]) };
  const content = bodiless.has(status) ? null : body;
  return new Response(content, statusText === undefined ? init : { ...init, statusText });
};
