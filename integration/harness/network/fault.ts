/** What a proxy does to its connections. Plain data, so that a plan made from a seed can be printed. */
export type Fault =
  | { readonly fault: 'none' }
  /** Open connections are reset, and so is each new one. */
  | { readonly fault: 'refuse' }
  /** Nothing arrives and nothing is lost, as when a cable is out: healed, everything goes on. */
  | { readonly fault: 'freeze' }
  /**
   * The open connections, and those made from now on, are dead for good without either side hearing of it,
   * as when a firewall forgets them: what is sent is lost, and a close is not passed on.
   */
  | { readonly fault: 'half-open' }
  /** All takes `latencyMs` longer, and up to `jitterMs` more; the order stays. */
  | { readonly fault: 'delay'; readonly latencyMs: number; readonly jitterMs?: number }
  /**
   * "It happened, but the reply was lost": a connection whose client sends `after` (any request if not given;
   * ASCII, in either case) is reset in place of passing the server's next bytes on. Ends by itself after `times` (default 1).
   */
  | { readonly fault: 'drop-reply'; readonly after?: string; readonly times?: number };
