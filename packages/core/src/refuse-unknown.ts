import { InvalidOptionError } from './errors.ts';

/**
 * Throws `invalid_option` for an option that is not known: it would otherwise be a promise silently not kept. `where` is what has
 * the options, as its user calls it.
 */
export const refuseUnknown = (where: string, known: readonly string[], options: object): void => {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new InvalidOptionError(name, `${where} has no such option; it has ${known.join(', ')}`);
  }
};
