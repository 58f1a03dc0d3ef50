import { type OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { Problem } from './problem.ts';

/** A response as its handler has ended it. */
export interface HeldResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined: it was larger than what may be held. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

export interface HoldOptions {
  readonly maxBodyBytes: number;
  /** Awaited before the end is sent. What it gives is sent in place of a response of which nothing has been sent. Never rejects. */
  readonly onEnd: (held: HeldResponse) => Promise<Problem | undefined>;
}

type Callback = (error?: Error | null) => void;

/** What `write` and `end` may be given, in the order of their overloads. */
type Given = readonly [chunk?: unknown, encoding?: unknown, callback?: unknown];

/**
 * Holds back a response, its head too, until its handler ends it; the handler sees its head as sent once it has written
 * it. What becomes too large, and an event stream, flows on, and only its end is held back.
 */
export const holdResponse = (response: ServerResponse, { maxBodyBytes, onEnd }: HoldOptions): void => {
  const write = response.write.bind(response) as (chunk: Uint8Array, callback?: Callback) => boolean;
  const end = response.end.bind(response) as (chunk?: Uint8Array, callback?: Callback) => unknown;
  const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse;
  const flushHeaders = response.flushHeaders.bind(response);
  /** As `writeHead` was given it. */
  let head: readonly unknown[] | undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let state: 'holding' | 'flowing' | 'ended' = 'holding';
  let written: [string, string][] = [];

  const sendHead = (): void => {
    const given = head;
    head = undefined;
    if (given !== undefined) writeHead(...given);
  };

  const flow = (): void => {
    state = 'flowing';
    sendHead();
    for (const chunk of chunks.splice(0)) write(chunk);
  };

  const take = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    size += chunk.byteLength;
  };

  /** What `writeHead` was given takes the place of what was set before. */
  const headers = (): [string, string][] => {
    const replaced = new Set(written.map(([name]) => name));
    return [...pairsOf(response.getHeaders()).filter(([name]) => !replaced.has(name)), ...written];
  };

  const isTooMuch = (): boolean => size > maxBodyBytes || headers().some(isEventStream);

  const hold = {
    writeHead: (...given: unknown[]) => {
      if (state !== 'holding') return writeHead(...given);
      if (head !== undefined) return response;
      // What it refuses it throws at its handler, not at nobody when the end is sent.
      Reflect.apply(ServerResponse.prototype.writeHead, new ServerResponse(response.req), given);
      head = given;
      response.statusCode = Number(given[0]);
      written = pairsOf(given.findLast((each) => typeof each === 'object' && each !== null) ?? {});
      if (isTooMuch()) flow();
      return response;
    },
    flushHeaders: (): void => {
      if (state === 'holding' && isTooMuch()) flow();
      if (state !== 'holding') flushHeaders();
    },
    write: (...given: Given): boolean => {
      const { chunk, callback } = read(given);
      if (state === 'ended' || chunk === undefined) return false;
      if (state === 'flowing') return write(chunk, callback);
      take(chunk);
      if (callback !== undefined) process.nextTick(callback);
      if (isTooMuch()) flow();
      return true;
    },
    end: (...given: Given): ServerResponse => {
      if (state === 'ended') return response;
      const { chunk, callback } = read(given);
      if (chunk !== undefined) take(chunk);
      const unsent = state === 'holding';
      const bytes = Buffer.concat(chunks);
      const body = unsent && size <= maxBodyBytes ? bytes : undefined;
      const held = { status: response.statusCode, headers: headers(), body };
      state = 'ended';
      void onEnd(held).then((instead) => {
        if (instead !== undefined && unsent) {
          head = undefined;
          return end(becomes(response, instead), callback);
        }
        sendHead();
        return bytes.byteLength > 0 ? end(bytes, callback) : end(undefined, callback);
      });
      return response;
    },
  };
  // The overloads of the three are one function each here.
  Object.assign(response, hold);
  Object.defineProperty(response, 'headersSent', {
    configurable: true,
    get: () => head !== undefined || Reflect.get(Object.getPrototypeOf(response), 'headersSent', response) === true,
  });
};

/** What says nothing of the body stays: it is of middleware, as that of CORS. */
const becomes = (response: ServerResponse, { status, headers, body }: Problem): Uint8Array => {
  for (const name of response.getHeaderNames()) if (ofBody.test(name)) response.removeHeader(name);
  response.statusCode = status;
  response.statusMessage = '';
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  return Buffer.from(body);
};

const ofBody = /^(?:content-|transfer-encoding$|etag$|last-modified$|location$|link$|set-cookie$)/;

const isEventStream = ([name, value]: readonly [string, string]): boolean =>
  name === 'content-type' && value.startsWith('text/event-stream');

const read = ([chunk, encoding, callback]: Given): {
  readonly chunk: Uint8Array | undefined;
  readonly callback: Callback | undefined;
} => {
  const called = [chunk, encoding, callback].find((given) => typeof given === 'function') as Callback | undefined;
  if (chunk === undefined || chunk === null || chunk === called) return { chunk: undefined, callback: called };
  if (typeof chunk !== 'string') return { chunk: chunk as Uint8Array, callback: called };
  const named = typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8';
  return { chunk: Buffer.from(chunk, named), callback: called };
};

/** Of an object of headers, or of a flat array of names and values, as `writeHead` takes both. */
const pairsOf = (headers: object): [string, string][] => {
  const entries: [string, OutgoingHttpHeader | undefined][] = Array.isArray(headers)
    ? headers.flatMap((name, at) => (at % 2 === 0 ? [[String(name), headers[at + 1]]] : []))
    : Object.entries(headers);
  return entries.flatMap(([name, value]) => {
    if (value === undefined) return [];
    const values = Array.isArray(value) ? value : [String(value)];
    return values.map((each): [string, string] => [name.toLowerCase(), each]);
  });
};
