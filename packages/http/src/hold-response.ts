import type { OutgoingHttpHeader, ServerResponse } from 'node:http';

/** A response as its handler has ended it. */
export interface HeldResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined: it was larger than what may be held. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

export interface HoldOptions {
  readonly maxBodyBytes: number;
  /** Awaited before the end is sent. Never rejects. */
  readonly onEnd: (held: HeldResponse) => Promise<void>;
}

type Callback = (error?: Error | null) => void;

/** What `write` and `end` may be given, in the order of their overloads. */
type Given = readonly [chunk?: unknown, encoding?: unknown, callback?: unknown];

/**
 * Holds back what is written to a response until its handler ends it. What becomes too large, and an event stream, flows
 * on, and only its end is held back.
 */
export const holdResponse = (response: ServerResponse, { maxBodyBytes, onEnd }: HoldOptions): void => {
  const write = response.write.bind(response) as (chunk: Uint8Array, callback?: Callback) => boolean;
  const end = response.end.bind(response) as (chunk?: Uint8Array, callback?: Callback) => unknown;
  const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let state: 'holding' | 'flowing' | 'ended' = 'holding';
  let written: [string, string][] = [];

  const flow = (): void => {
    state = 'flowing';
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
      written = pairsOf(given.findLast((each) => typeof each === 'object') ?? {});
      return writeHead(...given);
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
      const whole = state === 'holding' && size <= maxBodyBytes;
      state = 'ended';
      const bytes = Buffer.concat(chunks);
      const held = { status: response.statusCode, headers: headers(), body: whole ? bytes : undefined };
      void onEnd(held).then(() => (bytes.byteLength > 0 ? end(bytes, callback) : end(undefined, callback)));
      return response;
    },
  };
  // The overloads of the three are one function each here.
  Object.assign(response, hold);
};

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
