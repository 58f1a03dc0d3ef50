import type { Way } from './server.ts';

const announced = new Set<string>();

/** Says once per run, on standard error, which version of a server runs in which way. */
export const announce = (name: string, { version, way }: { readonly version: string; readonly way: Way }): void => {
  const line = `${name} ${version}: ${way}`;
  if (announced.has(line)) return;
  announced.add(line);
  console.error(line);
};
