/** How a contract's payloads become bodies. `decode` may throw anything for a body that it cannot read. */
export interface Codec {
  readonly contentType: string;
  encode(payload: unknown): Uint8Array;
  decode(body: Uint8Array): unknown;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** JSON in UTF-8. Drops `__proto__` keys of what it reads, so that no later merge can reach `Object.prototype`. */
export const jsonCodec: Codec = {
  contentType: 'application/json',
  encode: (payload) => {
    const text = JSON.stringify(payload);
    if (text === undefined) throw new TypeError(`a payload of type ${typeof payload} has no JSON form`);
    return encoder.encode(text);
  },
  decode: (body) => {
    const text = decoder.decode(body);
    return maybeProto.test(text) ? JSON.parse(text, dropProto) : JSON.parse(text);
  },
};

/** `__proto__`, also with any of its letters escaped. A reviver is slow, so it runs only where it might matter. */
const maybeProto = /__proto__|\\u00(?:5f|6f|7[024])/i;

const dropProto = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value);
