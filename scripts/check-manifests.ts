import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { layerOf, mayImport } from './layers.ts';
import { type Manifest, packages, root, users, type Workspace } from './workspaces.ts';

/**
 * Checks each package.json of `packages/`: its layer, that it depends downwards only (devDependencies too, so that a
 * test cannot reach up), on the versions that stand here, and that it is shaped like every other.
 * Together with the lint rule that imports must be declared, this is what keeps the layers.
 */
const everywhere = packages();
const byName = new Map(everywhere.map((workspace) => [workspace.manifest.name, workspace]));

const dependenciesOf = ({ dependencies, peerDependencies, devDependencies }: Manifest): readonly [string, string][] =>
  [dependencies, peerDependencies, devDependencies].flatMap((some) => Object.entries(some ?? {}));

const checkDependencies = ({ folder, manifest }: Workspace): readonly string[] =>
  dependenciesOf(manifest).flatMap(([name, range]) => {
    const neighbour = byName.get(name);
    if (neighbour === undefined) {
      return /^(@holdfast\/|holdfast$)/.test(name) ? [`depends on ${name}, which is not in packages/`] : [];
    }
    const from = basename(folder);
    const to = basename(neighbour.folder);
    return [
      ...(layerOf(from) > 0 && !mayImport(from, to)
        ? [`(layer ${layerOf(from)}) may not import ${to} (layer ${layerOf(to)}): see scripts/layers.ts`]
        : []),
      ...(range === neighbour.manifest.version
        ? []
        : [`depends on ${name} ${range}; the version here is ${neighbour.manifest.version}`]),
    ];
  });

/** What the fields that follow from the folder alone must be. */
const expectedOf = (folder: string): Readonly<Partial<Record<keyof Manifest, unknown>>> => ({
  name: folder === 'packages/holdfast' ? 'holdfast' : `@holdfast/${basename(folder)}`,
  license: 'Apache-2.0',
  type: 'module',
  sideEffects: false,
  engines: { node: '>=22.18' },
  files: ['dist', 'src'],
  exports: { '.': { source: './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
  scripts: {
    build: 'rm -rf dist && tsc',
    check: 'tsc --noEmit --customConditions source',
    ...(globSync('test/**/*.test.ts', { cwd: join(root, folder) }).length > 0 && { test: "mocha 'test/**/*.test.ts'" }),
    prepack: 'cp ../../LICENSE .',
  },
});

const checkShape = ({ folder, manifest }: Workspace): readonly string[] => [
  ...(layerOf(basename(folder)) === 0 ? ['is in no layer: add it to scripts/layers.ts'] : []),
  ...(manifest.description ? [] : ['has no description']),
  ...Object.entries(expectedOf(folder))
    .filter(([field, value]) => JSON.stringify(manifest[field as keyof Manifest]) !== JSON.stringify(value))
    .map(([field, value]) => `has an unexpected ${field}: it should be ${JSON.stringify(value)}`),
];

const problems = [
  ...everywhere.flatMap((one) =>
    [...checkShape(one), ...checkDependencies(one)].map((text) => `${one.folder} ${text}`),
  ),
  ...users().flatMap((one) => checkDependencies(one).map((text) => `${one.folder} ${text}`)),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
