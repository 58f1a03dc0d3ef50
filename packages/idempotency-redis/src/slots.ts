/** Keys are spread over so many hash tags, so that a cluster shares them out and a batch of one tag is one script. */
const tags = 32;

/** Where keys are kept. The tag comes first, so that braces in a key mean nothing. */
export const createPlaces = (prefix: string): ((key: string) => string) => {
  const starts = Array.from({ length: tags }, (_, tag) => `${prefix}{${tag}}:`);
  return (key) => starts[tagOf(key)] + key;
};

/** FNV-1a over the key's UTF-16 code units. Never changes: it is part of the names of what is stored. */
export const tagOf = (key: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % tags;
};
