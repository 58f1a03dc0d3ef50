import type { Server, ServerSettings } from '../server.ts';

/** A real Kafka of one node. */
export interface KafkaServer extends Server {
  /** `host:port`, at which clients begin. */
  readonly brokers: readonly string[];
}

export interface KafkaLogin {
  readonly username: string;
  readonly password: string;
}

export interface KafkaSettings extends ServerSettings {
  /**
   * The `host:port` that clients are told to come to, in place of the server's own: that of a proxy.
   * The server does not use it itself.
   */
  readonly advertised?: string;
  /** Where clients reach it, chosen beforehand (with `freePort`) by one who puts a proxy before it. */
  readonly port?: number;
  /** Clients have to log in, by SASL/PLAIN and as this user. */
  readonly login?: KafkaLogin;
  /**
   * What else a Java on this machine is given. By default it compiles quickly and not well, which starts in half the time
   * and suits tests; a measurement passes `[]`.
   */
  readonly javaOptions?: readonly string[];
}
