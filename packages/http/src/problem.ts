/** An answer as problem details (RFC 9457), for any framework: send `status`, `headers` and `body` as they are. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ProblemOptions {
  readonly status: number;
  /** Becomes the type `urn:holdfast:problem:<code>`. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly retryAfterMs?: number | undefined;
  /** Further members of the body. */
  readonly members?: Readonly<Record<string, string | number>> | undefined;
}

export const problem = ({ status, code, title, detail, retryAfterMs, members }: ProblemOptions): Problem => ({
  status,
  headers: {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(retryAfterMs !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }),
  },
  body: JSON.stringify({ type: `urn:holdfast:problem:${code}`, title, status, detail, ...members }),
});

export const toResponse = ({ status, headers, body }: Problem): Response => new Response(body, { status, headers });
