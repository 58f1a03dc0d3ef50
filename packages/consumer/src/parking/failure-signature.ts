import { createHash } from 'node:crypto';

/**
 * The same for failures that look alike: of the error's class and its text without numbers, ids and what stands in quotes,
 * or of the reason where nothing was thrown.
 */
export const failureSignature = (error: unknown, reason: string): string => {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : reason;
  return createHash('sha256')
    .update(withoutValues(text.slice(0, maxLength)))
    .digest('hex')
    .slice(0, 16);
};

const maxLength = 500;

const withoutValues = (text: string): string =>
  text.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`/g, '?').replaceAll(/\b(?=\w*\d)[\w-]+/g, '?');
