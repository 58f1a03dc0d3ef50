import { type DummyRuleMap, defineConfig } from 'oxlint';
import { packages, rootManifest, users, type Workspace } from './scripts/workspaces.ts';

type Dependencies = Readonly<Record<string, string>> | undefined;

const clock = "take the time and waits from the runtime's clock, so that tests can move it";
const random = "take randomness from the runtime's random, so that a seed repeats a run";

const throughTheIndex = {
  regex: '\\.\\./(([a-z0-9-]+/)+(src|dist)|([a-z0-9-]+/)*packages)/',
  message: 'import another package by its name: its index is its whole surface',
};
const ownTimers = { regex: '^(node:)?timers(/|$)', message: clock };

/** Refuses every import that is neither relative, nor Node's, nor declared. */
const imports = (declared: readonly Dependencies[], refused = [throughTheIndex]): DummyRuleMap => {
  const names = declared.flatMap((dependencies) => Object.keys(dependencies ?? {}));
  const allowed = ['./**', '../**', 'node:*', 'node:*/**', ...names, ...names.map((name) => `${name}/**`)];
  const undeclared = {
    group: ['*', ...allowed.map((name) => `!${name}`)],
    message: 'declare it in the package.json of the package that imports it',
  };
  return { 'no-restricted-imports': ['error', { patterns: [...refused, undeclared] }] };
};

const itself = ({ name }: { readonly name: string }) => ({ [name]: '' });
const tools = rootManifest().devDependencies;

const packageRules = ({ folder, manifest }: Workspace) => {
  const { dependencies, peerDependencies, devDependencies } = manifest;
  return [
    { files: [`${folder}/src/**`], rules: imports([dependencies, peerDependencies], [throughTheIndex, ownTimers]) },
    {
      files: [`${folder}/test/**`],
      rules: imports([dependencies, peerDependencies, devDependencies, itself(manifest), tools]),
    },
  ];
};

const userRules = ({ folder, manifest }: Workspace) => ({
  files: [`${folder}/**`],
  rules: imports([manifest.dependencies, manifest.devDependencies, itself(manifest)]),
});

/** What Biome does not check: import cycles, undeclared imports, forgotten promises, time and randomness beside the runtime. */
export default defineConfig({
  plugins: ['import', 'typescript'],
  options: { typeAware: true },
  categories: { correctness: 'off' },
  ignorePatterns: ['**/dist/**'],
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
  },
  overrides: [
    ...packages().flatMap(packageRules),
    ...users().map(userRules),
    { files: ['scripts/**', 'oxlint.config.ts'], rules: imports([tools]) },
    {
      files: ['packages/*/src/**'],
      excludeFiles: ['packages/core/src/clock.ts', 'packages/core/src/runtime.ts'],
      rules: {
        'no-restricted-globals': ['error', ...['setTimeout', 'setInterval'].map((name) => ({ name, message: clock }))],
        'no-restricted-properties': [
          'error',
          { object: 'Date', property: 'now', message: clock },
          { object: 'performance', property: 'now', message: clock },
          { object: 'process', property: 'hrtime', message: clock },
          { object: 'AbortSignal', property: 'timeout', message: clock },
          { object: 'Math', property: 'random', message: random },
          { property: 'setTimeout', message: clock },
          { property: 'setInterval', message: clock },
        ],
      },
    },
  ],
});
