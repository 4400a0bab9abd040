import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PeerProtocolError } from '../../../src/errors/errors.js';
import { TopicTable, type TopicEntry, type TopicTableOptions } from '../../../src/topic/topic-table.js';

const tableOf = (options: Partial<TopicTableOptions> = {}): TopicTable<string> =>
  new TopicTable({ seed: 7, strictText: true, ...options });

const lookup = (table: TopicTable<string>, topic: string | Uint8Array): TopicEntry<string> => {
  const bytes = Buffer.from(topic);
  return table.lookup(bytes, 0, bytes.length);
};

type Refusal = [reasonCode: number, statement: string, message: string];

function refusal(table: TopicTable<string>, topic: string | Uint8Array): Refusal {
  try {
    lookup(table, topic);
  } catch (error) {
    if (error instanceof PeerProtocolError) return [error.reasonCode, error.statement, error.message];
  }
  throw new Error('the topic was taken');
}

/** Entries in all chains. */
function chained(table: TopicTable<string>): number {
  let count = 0;
  for (const first of table['buckets']) for (let entry = first; entry !== undefined; entry = entry.next) count += 1;
  return count;
}

test('the same bytes give the same entry, wherever they stand, and a string the one of its bytes', () => {
  const table = tableOf();
  const packet = Buffer.from('--a/b--a/b-a/c');
  const entry = table.lookup(packet, 2, 5);
  expect(entry.topic).toBe('a/b');
  expect(entry.route).toBeUndefined();
  Object.assign(entry, { route: 'to c1', generation: 4 });
  expect(table.lookup(packet, 7, 10)).toBe(entry);
  expect(table.lookup(Uint8Array.from(packet), 7, 10)).toBe(entry);
  expect(table.lookupString('a/b')).toBe(entry);
  expect(table.lookup(packet, 11, 14)).not.toBe(entry);
  expect(table.lookupString('ü/水')).toBe(lookup(table, 'ü/水'));
  expect(table.size).toBe(3);
  expect([entry.route, entry.generation]).toEqual(['to c1', 4]);
});

test('an entry has bytes of its own', () => {
  for (const topic of ['a/b', 'long/'.repeat(30)]) {
    const chunk = Buffer.from(`xx${topic}`);
    const entry = tableOf().lookup(chunk, 2, chunk.length);
    chunk.fill(0x21);
    expect(Buffer.from(entry.bytes).toString()).toBe(topic);
    expect(entry.bytes.buffer.byteLength).toBe(topic.length);
  }
});

// Goal: never another topic's entry. Method: random topics in tables far too small for them.
test('every lookup answers for the topic that was asked for', () => {
  const unit = fc.constantFrom('a', 'b', '/', 'ü', '水', '\u{1f600}');
  const topicNames = fc.array(fc.string({ unit, minLength: 1, maxLength: 12 }), { maxLength: 100 });
  fc.assert(
    fc.property(topicNames, fc.nat(20), fc.integer(), (topics, entriesMax, seed) => {
      const table = tableOf({ entriesMax, seed });
      for (const text of topics) {
        const entry = lookup(table, text);
        expect(entry.topic).toBe(text);
        expect(Buffer.from(entry.bytes).toString()).toBe(text);
        expect(table.size).toBeLessThanOrEqual(entriesMax);
        if (entriesMax > 0) expect(lookup(table, text)).toBe(entry);
      }
      expect(chained(table)).toBe(table.size);
    }),
  );
});

test('v5 [MQTT-1.5.4-1], [MQTT-1.5.4-2], [X5-1.5.4-1] bad text is malformed', () => {
  const table = tableOf();
  expect(refusal(table, Buffer.from('61c080', 'hex')).slice(0, 2)).toEqual([0x81, 'MQTT-1.5.4-1']);
  expect(refusal(table, Buffer.from('eda080', 'hex')).slice(0, 2)).toEqual([0x81, 'MQTT-1.5.4-1']);
  expect(refusal(table, 'a\u0000').slice(0, 2)).toEqual([0x81, 'MQTT-1.5.4-2']);
  expect(refusal(table, 'a\u0001').slice(0, 2)).toEqual([0x81, 'X5-1.5.4-1']);
  expect(refusal(table, 'a\uffff').slice(0, 2)).toEqual([0x81, 'X5-1.5.4-1']);
  expect(table.size).toBe(0);
  const lenient = tableOf({ strictText: false });
  expect(lookup(lenient, 'a\u0001').topic).toBe('a\u0001');
  expect(refusal(lenient, 'a\u0000').slice(0, 2)).toEqual([0x81, 'MQTT-1.5.4-2']);
});

test('v5 [MQTT-3.3.2-2], [MQTT-4.7.3-1] wildcards, the empty topic and the limits', () => {
  const table = tableOf({ levelsMax: 3, bytesMax: 10 });
  expect(refusal(table, 'a/+')).toEqual([0x90, 'MQTT-3.3.2-2', 'topic name "a/+" contains the wildcard +']);
  expect(refusal(table, '#/////').slice(0, 2)).toEqual([0x90, 'MQTT-3.3.2-2']);
  expect(refusal(table, '').slice(0, 2)).toEqual([0x82, 'MQTT-4.7.3-1']);
  expect(refusal(table, '///')).toEqual([0x81, 'MQTT-4.13.1-1', 'topic name of 4 levels is over the limit of 3']);
  const tooLong = 'topic name of 11 bytes is over the limit of 10';
  expect(refusal(table, '12345678901')).toEqual([0x81, 'MQTT-4.13.1-1', tooLong]);
  expect(lookup(table, '1/2/567890').topic).toBe('1/2/567890');
  expect(() => table.lookupString('a/#')).toThrow(PeerProtocolError);
});

test('the defaults allow 200 separators and 65,535 bytes', () => {
  expect(lookup(tableOf(), '/'.repeat(200)).topic.length).toBe(200);
  expect(refusal(tableOf(), '/'.repeat(201))[0]).toBe(0x81);
  expect(lookup(tableOf(), 'a'.repeat(65_535)).topic.length).toBe(65_535);
});

test('v5 [MQTT-1.5.4-3], [MQTT-4.7.3-4] no character is stripped or changed', () => {
  const table = tableOf();
  const topics = ['a', '\ufeffa', 'A', 'a ', ' a', 'caf\u00e9', 'cafe\u0301', '/a', 'a/'];
  const entries = topics.map((topic) => lookup(table, topic));
  expect(entries.map((entry) => entry.topic)).toEqual(topics);
  expect(new Set(entries).size).toBe(topics.length);
});

test('it grows with its use and stops at its limit', () => {
  const table = tableOf({ entriesMax: 5000 });
  expect(table['buckets'].length).toBe(256);
  for (let i = 0; i < 20_000; i += 1) lookup(table, `sensors/${i}`);
  expect(table.size).toBe(5000);
  expect(table['buckets'].length).toBe(8192);
});

test('what is in use stays, what is not goes', () => {
  const table = tableOf({ entriesMax: 100 });
  const hot = Array.from({ length: 20 }, (_, index) => lookup(table, `hot/${index}`));
  let stayed = true;
  for (let i = 0; i < 5000; i += 1) {
    lookup(table, `cold/${i}`);
    if (i % 5 === 0) stayed &&= hot.every((entry) => lookup(table, entry.topic) === entry);
  }
  expect(stayed).toBe(true);
  expect(table.size).toBe(100);
  expect(table.lookupString('cold/0')).not.toBe(table.lookupString('cold/1'));
});

test('what was in use once goes in the end', () => {
  const table = tableOf({ entriesMax: 100 });
  const topics = Array.from({ length: 20 }, (_, index) => `t/${index}`);
  const before = [...topics, ...topics].map((topic) => lookup(table, topic)).slice(0, 20);
  for (let i = 0; i < 5000; i += 1) lookup(table, `cold/${i}`);
  expect(before.filter((entry, index) => lookup(table, topics[index] as string) === entry)).toEqual([]);
});

test('when all are in use, one of them goes all the same', () => {
  const table = tableOf({ entriesMax: 100 });
  const topics = Array.from({ length: 100 }, (_, index) => `t/${index}`);
  const before = topics.map((topic) => lookup(table, topic));
  for (const topic of topics) lookup(table, topic);
  lookup(table, 'new');
  expect(table.size).toBe(100);
  // The search gives up soon: most keep their mark.
  expect(before.filter((entry) => entry.used).length).toBeGreaterThan(75);
  expect(before.every((entry, index) => lookup(table, topics[index] as string) === entry)).toBe(false);
});

test('very large topics are answered and not remembered; bytes are bounded beside entries', () => {
  const table = tableOf({ entriesMax: 10 });
  const large = 'x'.repeat(1025);
  expect(lookup(table, large)).not.toBe(lookup(table, large));
  expect(table.size).toBe(0);
  const most = 'x'.repeat(1024);
  expect(lookup(table, most)).toBe(lookup(table, most));
  for (let i = 0; i < 50; i += 1) lookup(table, `${i}/`.padEnd(600, 'y'));
  expect(table.size).toBe(2);
  for (let i = 0; i < 50; i += 1) lookup(table, `${i}`);
  expect(table.size).toBe(10);
  expect(table['bytesHeld']).toBe(20);
});

// Goal: topics chosen for one bucket stay a short chain. Method: find such topics by their hash, look them up again.
test('a bucket holds eight topics', () => {
  const hashes = tableOf({ entriesMax: 100_000 });
  const chosen: string[] = [];
  for (let i = 0; chosen.length < 20; i += 1) if ((lookup(hashes, `t${i}`).hash & 0xff) === 5) chosen.push(`t${i}`);
  const table = tableOf();
  for (const topic of [...chosen, ...chosen]) expect(lookup(table, topic).topic).toBe(topic);
  expect([table.size, chained(table)]).toEqual([8, 8]);
  for (const hotTopic of chosen) {
    const hot = lookup(table, hotTopic);
    for (const topic of chosen) {
      expect(lookup(table, hotTopic)).toBe(hot);
      lookup(table, topic);
    }
  }
  expect([table.size, chained(table)]).toEqual([8, 8]);
});

// Goal: a hash is no proof. Method: two topics of one length that have the same hash under the seed of these tests;
// after a change of the hash, look for others among `t0`, `t1`, ...
test('topics of one hash are told apart', () => {
  const table = tableOf();
  const [one, other] = [lookup(table, 't1097288'), lookup(table, 't1171979')];
  expect(one.hash).toBe(other.hash);
  expect([lookup(table, 't1097288'), lookup(table, 't1171979')]).toEqual([one, other]);
  expect([one.topic, other.topic, table.size]).toEqual(['t1097288', 't1171979', 2]);
});

test('seeds put topics into different buckets', () => {
  const hashes = [1, 2, 3, 2 ** 32 + 1].map((seed) => lookup(tableOf({ seed }), 'a/b').hash);
  expect(new Set(hashes).size).toBe(3);
  expect(hashes[3]).toBe(hashes[0]);
});
