import type { ConnectionOptions as TlsOptions } from 'node:tls';

/** A text, or who knows it when a connection is made. */
type Credential = string | (() => string | Promise<string>);

/** How `@platformatic/kafka` connects: options of its own, under its names. */
export interface PlatformaticOptions {
  /** How long a connection may take, in milliseconds. Default 5,000, or `requestTimeoutMs` where that is less. */
  readonly connectTimeout?: number | undefined;
  /** TLS, with Node's options; `{}` for the defaults. Without it connections are plain. */
  readonly tls?: TlsOptions | undefined;
  /** The server's name for TLS; `true`: the broker's host. */
  readonly tlsServerName?: string | boolean | undefined;
  readonly sasl?: PlatformaticSasl | undefined;
}

export interface PlatformaticSasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';
  readonly username?: Credential;
  readonly password?: Credential;
  /** Of OAUTHBEARER. */
  readonly token?: Credential;
}
