import { writeFileSync } from 'node:fs';
import { transportsPage, withTable } from './transports-page.ts';

/** `npm run docs` writes what is generated in docs/ again. */
writeFileSync(transportsPage, await withTable());
