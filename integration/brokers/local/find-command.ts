import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first of `places` that can be run; a place without a folder is looked for on the PATH. */
export const findCommand = (...places: readonly string[]): string | undefined =>
  places.flatMap((place) => (place.includes('/') ? [place] : onThePath(place))).find(isExecutable);

const onThePath = (name: string): string[] =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin']
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name));

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
