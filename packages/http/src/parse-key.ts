/** What a header says: no key at all, one that cannot be read, or a key. */
export type ParsedKey =
  | { readonly found: 'none' }
  | { readonly found: 'malformed' }
  | { readonly found: 'key'; readonly key: string };

const longest = 255;

/** A String of Structured Field Values (RFC 9651, section 3.3.3), and parameters, which mean nothing here. */
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(?:\s*;\s*[a-z*][\w.*-]*(?:=[^;,\s]+)?)*$/;
/** As clients send it that came before the draft. */
const bare = /^[\w.~:@/+=-]+$/;

/** Reads an `Idempotency-Key` as draft-ietf-httpapi-idempotency-key-header has it: one quoted string. */
export const parseKey = (header: string | null | undefined, bareKeys: boolean): ParsedKey => {
  if (header === null || header === undefined) return { found: 'none' };
  const text = header.trim();
  const inner = quoted.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1');
  const key = inner ?? (bareKeys && bare.test(text) ? text : undefined);
  if (key === undefined || key.trim() === '' || key.length > longest) return { found: 'malformed' };
  return { found: 'key', key };
};
