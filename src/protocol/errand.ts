/** What the host asks of a connection, to be done between two packets of its client. */
export interface Errand {
  run(): void;
  /** The connection ended first. */
  abandon(): void;
}
