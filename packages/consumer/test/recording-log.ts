import type { Log } from '@holdfast/core';

/** A log that remembers. */
export interface RecordingLog extends Log {
  readonly lines: readonly { readonly level: string; readonly fields: object; readonly message: string }[];
}

export const recordingLog = (): RecordingLog => {
  const lines: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
};
