/** What a response is made of. */
export type Body = ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;

/** The start of a body, and all of it as it was. */
export interface BufferedBody {
  /** All of it; undefined where it is larger than what was asked for. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  readonly body: Body;
}

/** Reads a body up to a size; below 0 nothing is read. What is larger flows on, as slowly as it is read. */
export const bufferBody = async (
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<BufferedBody> => {
  if (stream === null) return { bytes: new Uint8Array(), body: null };
  if (maxBytes < 0) return { bytes: undefined, body: stream };
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.byteLength;
    if (size > maxBytes) return { bytes: undefined, body: resumed(chunks, reader) };
  }
  const bytes = new Uint8Array(Buffer.concat(chunks));
  return { bytes, body: bytes };
};

const resumed = (
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> => {
  const early = [...chunks];
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const first = early.shift();
      if (first !== undefined) return controller.enqueue(first);
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
};
