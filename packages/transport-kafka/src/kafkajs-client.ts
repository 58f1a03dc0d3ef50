import type { ConnectionOptions as TlsOptions } from 'node:tls';

/** What is used of a `Kafka` of kafkajs 2. */
export interface KafkajsClient {
  consumer(config: { readonly groupId: string }): unknown;
}

/** TLS for kafkajs, with Node's options. */
export type KafkajsSsl = boolean | TlsOptions;

/** The logins that kafkajs brings. With a mechanism of your own give a client. */
export type KafkajsSasl =
  | ({ readonly mechanism: 'plain' } & Login)
  | ({ readonly mechanism: 'scram-sha-256' } & Login)
  | ({ readonly mechanism: 'scram-sha-512' } & Login)
  | {
      readonly mechanism: 'aws';
      readonly authorizationIdentity: string;
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string;
    }
  | { readonly mechanism: 'oauthbearer'; readonly oauthBearerProvider: () => Promise<{ value: string }> };

interface Login {
  readonly username: string;
  readonly password: string;
}
