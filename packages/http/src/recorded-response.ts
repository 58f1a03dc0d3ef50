/** A response as it is kept under its key. */
export interface RecordedResponse {
  readonly status: number;
  /** Those that are kept, names in lower case, in their order; a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined: it was larger than what is kept. */
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  /** Of the body of the request, where the handler had read all of it. */
  readonly requestHash: string | undefined;
}

interface Stored {
  readonly status: number;
  readonly headers: RecordedResponse['headers'];
  readonly text?: string;
  readonly base64?: string;
  readonly requestHash?: string;
}

/** As text for the store: a body of text as it is, every other in base64. */
export const encodeRecorded = ({ status, headers, body, requestHash }: RecordedResponse): string => {
  const stored: Stored = { status, headers, ...bodyParts(body), ...(requestHash !== undefined && { requestHash }) };
  return JSON.stringify(stored);
};

const bodyParts = (body: Uint8Array | undefined): Pick<Stored, 'text' | 'base64'> => {
  if (body === undefined) return {};
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? { text } : { base64: bytes.toString('base64') };
};

export const decodeRecorded = (result: string): RecordedResponse => {
  const { status, headers, text, base64, requestHash }: Stored = JSON.parse(result);
  const body =
    text !== undefined ? Buffer.from(text) : base64 !== undefined ? Buffer.from(base64, 'base64') : undefined;
  return { status, headers, body, requestHash };
};
