/** Loaded into every child: a fatal warning is thrown, which ends the process with its stack. */
import { fatalWarnings } from '../fatal-warnings.ts';

process.on('warning', (warning) => {
  if (fatalWarnings.has(warning.name)) throw warning;
});
