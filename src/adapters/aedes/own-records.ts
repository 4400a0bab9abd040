/**
 * What Aedes has no place for is kept in retained packets under a topic of our own, which Aedes stores like any other
 * and no subscriber's wildcard matches:
 *   $odonata/session/<client>        a session's record
 *   $odonata/received/<client>/<id>  a QoS 2 id that was received: a persistence cannot list those it keeps
 *   $odonata/group/<filter>          that a shared group has a queue
 */
import type { ProtocolVersion } from '../../packet/protocol.js';
import type { SessionRecord } from '../../storage/storage.js';
import type { AedesPacketLike } from './aedes-persistence.js';
import { bytesOf, isGiven } from './aedes-properties.js';

const prefix = '$odonata/';

/** Clients may publish to these topics, and what they retain there is not stored: it would be read as ours. */
export const isOwnTopic = (topic: string): boolean => topic.startsWith(prefix);

export const sessionTopic = (clientId: string): string => `${prefix}session/${encodeURIComponent(clientId)}`;
export const receivedTopic = (clientId: string, packetId: number): string => `${prefix}received/${encodeURIComponent(clientId)}/${packetId}`;
export const groupTopic = (sharedFilter: string): string => `${prefix}group/${encodeURIComponent(sharedFilter)}`;

/** A packet under a topic of our own. */
export const ownPacket = (topic: string, record: object): AedesPacketLike => ({
  cmd: 'publish',
  topic,
  payload: Buffer.from(JSON.stringify({ version: 1, ...record })),
  qos: 0,
  retain: true,
  dup: false,
});

/** What was found of ours among the retained packets. */
export interface OwnRecords {
  readonly sessions: Map<string, SessionRecord>;
  readonly received: Map<string, number[]>;
  readonly groups: Set<string>;
}

/** Reads one of our packets into `records`; throws when it is not what we wrote. */
export function readOwnPacket(packet: AedesPacketLike, records: OwnRecords): void {
  const [, kind, name = '', id] = String(packet.topic).split('/');
  const found = JSON.parse(bytesOf(packet.payload).toString('utf8')) as Record<string, unknown>;
  if (found['version'] !== 1) throw new TypeError(`version ${String(found['version'])}, this release reads 1`);
  const owner = decodeURIComponent(name);
  if (kind === 'session') records.sessions.set(owner, sessionOf(owner, found));
  else if (kind === 'group') records.groups.add(owner);
  else if (kind === 'received') {
    const ids = records.received.get(owner) ?? [];
    ids.push(Number(id));
    records.received.set(owner, ids);
  } else throw new TypeError('a kind this release does not know');
}

/** JSON leaves `undefined` out. */
export const sessionFields = ({ clientId: _clientId, ...fields }: SessionRecord): object => fields;

function sessionOf(clientId: string, found: Record<string, unknown>): SessionRecord {
  const { principal, protocolVersion, sessionExpirySeconds, closedAtWallMs } = found;
  if (typeof sessionExpirySeconds !== 'number' || (protocolVersion !== 3 && protocolVersion !== 4 && protocolVersion !== 5)) {
    throw new TypeError('not the record of a session');
  }
  return {
    clientId,
    principal: isGiven(principal) ? String(principal) : undefined,
    protocolVersion: protocolVersion satisfies ProtocolVersion,
    sessionExpirySeconds,
    closedAtWallMs: typeof closedAtWallMs === 'number' ? closedAtWallMs : undefined,
  };
}
