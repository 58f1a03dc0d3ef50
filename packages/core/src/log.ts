/** Where Holdfast logs. A pino logger fits as it is. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const write = (level: string, fields: object, message: string): void => {
  process.stderr.write(`${toLine({ level, time: new Date().toISOString(), ...fields, message })}\n`);
};

/** A log that throws would turn a warning into a failure. */
const toLine = (fields: { readonly level: string; readonly time: string; readonly message: string }): string => {
  try {
    return JSON.stringify(fields, plainErrors);
  } catch (error) {
    const { level, time, message } = fields;
    return JSON.stringify({ level, time, message, unwritable: String(error).split('\n', 1)[0] });
  }
};

/** `JSON.stringify` writes an error as `{}`; this keeps its name, code and text. Never its body or headers. */
const plainErrors = (_key: string, value: unknown): unknown =>
  value instanceof Error
    ? { name: value.name, code: (value as { code?: unknown }).code, message: value.message.slice(0, 500) }
    : typeof value === 'bigint'
      ? value.toString()
      : value;

const ignore = (): void => {};

/** Warnings and errors as JSON lines on standard error; nothing else. */
export const consoleLog: Log = {
  debug: ignore,
  info: ignore,
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
};

/** Logs nothing. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
