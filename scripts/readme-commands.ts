import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspaces.ts';

/**
 * Prints the commands of README.md's `sh` blocks, each once, one a line: `.ci/run` runs them.
 * A command that is only to be read, such as one that installs what is not published yet, stands in a block of another kind.
 */
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
const lines = blocks.flatMap((text) => text.replaceAll('\\\n', ' ').split(/\n|&&/));
const commands = lines.map((line) => line.replace(/(^|\s)#.*/, '').trim()).filter((line) => line !== '');
for (const command of new Set(commands)) console.log(command);
