/** The five characters by which Postgres names an error; found through the `cause` chains that ORMs wrap around it. */
export const sqlState = (error: unknown): string | undefined => {
  for (const link of causes(error)) {
    const code = codeOf(link);
    if (code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)) return code;
  }
  return undefined;
};

/** An error and what caused it, outermost first. Ends on circular chains. */
export const causes = (error: unknown): readonly unknown[] => {
  const chain: unknown[] = [];
  for (let link = error; link !== undefined && link !== null && !chain.includes(link) && chain.length < 10; ) {
    chain.push(link);
    link = typeof link === 'object' && 'cause' in link ? link.cause : undefined;
  }
  return chain;
};

/** The `code` of one error, whatever put it there. */
export const codeOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
