/** What a proxy has done since it was made: the witness that a fault was really injected. */
export interface ProxyCounts {
  connections: number;
  /** From the clients to the server. */
  bytesUp: number;
  bytesDown: number;
  droppedUp: number;
  droppedDown: number;
  /** Connections that the proxy reset or refused. */
  cuts: number;
}
