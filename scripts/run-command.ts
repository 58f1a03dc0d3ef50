import { spawn } from 'node:child_process';
import { root } from './workspaces.ts';

/** How a command ended, with all that it wrote, in order. */
export interface CommandResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a command of the repository's root, without a shell, and collects what it writes. */
export const runCommand = (command: readonly [string, ...string[]]): Promise<CommandResult> =>
  new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.on('error', reject);
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
