/** A library that takes messages in a transaction and hands them to a handler, as its documentation says to use it. */
export interface Peer {
  readonly name: string;
  /** The package whose version is shown. */
  readonly package: string;
  /** How it is set up, for the page. */
  readonly setUp: string;
  /** On an empty database of its own. `onMessage` is the handler, which does nothing but tell. */
  open(url: string, onMessage: (id: string) => void): Promise<OpenPeer>;
}

export interface OpenPeer {
  /** Adds one message in a transaction of its own; resolves when it is committed. */
  add(message: PeerMessage): Promise<void>;
  /** Begins to hand messages over. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface PeerMessage {
  readonly id: string;
  readonly key: string;
  readonly payload: { readonly id: string; readonly note: string };
}
