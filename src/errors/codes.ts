/**
 * Every stable error code of the package. A code never changes its meaning; new ones may be added.
 * @public
 */
export type ErrorCode =
  /** An option has the wrong type or lies outside its range. */
  | 'ODN_ERR_OPTION'
  /** A topic name, topic filter, payload or property given by the host is not legal MQTT. */
  | 'ODN_ERR_ARGUMENT'
  /** The broker is closing or closed. */
  | 'ODN_ERR_CLOSED'
  /** The operation was given up because its `AbortSignal` fired. */
  | 'ODN_ERR_ABORTED'
  /** A limit of the broker was reached; the message names the limit. */
  | 'ODN_ERR_QUOTA'
  /** An in-process client was refused or disconnected; `reasonCode` says why. */
  | 'ODN_ERR_REFUSED'
  /** A listener could not be bound. */
  | 'ODN_ERR_LISTEN'
  /** A package that a feature needs is not installed; the message names it. */
  | 'ODN_ERR_MISSING_PACKAGE'
  /** A hook threw, rejected, answered nonsense or passed its deadline. */
  | 'ODN_ERR_HOOK'
  /** An event listener of the host threw or rejected. */
  | 'ODN_ERR_LISTENER'
  /** The store could not be opened. */
  | 'ODN_ERR_STORAGE_OPEN'
  /** The store is in use by another process. */
  | 'ODN_ERR_STORAGE_LOCKED'
  /** The store holds data of an unknown version, or not ours. */
  | 'ODN_ERR_STORAGE_FORMAT'
  /** A stored record is damaged. */
  | 'ODN_ERR_STORAGE_CORRUPT'
  /** A write failed; nothing that waited for it was acknowledged. */
  | 'ODN_ERR_STORAGE_WRITE'
  /** A read failed. */
  | 'ODN_ERR_STORAGE_READ'
  /** A peer broke the protocol. */
  | 'ODN_ERR_PEER_PROTOCOL'
  /** A PROXY protocol header was expected and is missing or ill-formed. */
  | 'ODN_ERR_PROXY_HEADER'
  /** The transport failed: the socket broke or ended without DISCONNECT. */
  | 'ODN_ERR_TRANSPORT'
  /** A bug of the broker: please report it. */
  | 'ODN_ERR_INTERNAL';
