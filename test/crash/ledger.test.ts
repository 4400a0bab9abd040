/** The ledger against histories made by hand: each invariant must be able to fail. */
import { describe, expect, test } from '@jest/globals';
import type { NewMessage, Published } from './book.js';
import { Ledger } from './ledger.js';
import { SessionFacts } from './session-facts.js';
import { Violations } from './violations.js';

interface History {
  readonly ledger: Ledger;
  /** What was noted, as `kind: the start of it`. */
  readonly noted: () => string[];
  publish(fields?: Partial<NewMessage>): Published;
  deliver(message: Published, to?: string): void;
}

/** A subscriber at QoS 2 that has `t/#`, and a publisher. */
function history(): History {
  const violations = new Violations();
  const ledger = new Ledger(violations);
  let number = 0;
  const timeline = ledger.receiver('sub', 2).timeline('t/#');
  timeline.asked(true, ledger.next());
  timeline.done(ledger.next());
  return {
    ledger,
    noted: () => violations.all.map(({ kind, what }) => `${kind}: ${what.split(/[ (]/)[0]}`),
    publish: (fields = {}) => {
      number += 1;
      return ledger.published({ id: `p-${number}`, publisher: 'p', topic: 't/1', qos: 2, retain: false, clears: false, number, ...fields });
    },
    deliver: ({ id, topic }, to = 'sub') => ledger.delivered(ledger.receiver(to, 2), { topic, payload: `${id}|`, retain: false, dup: false }),
  };
}

const missing = ({ ledger }: History): string[] => [...ledger.receiver('sub', 2).missing.keys()];

describe('messages', () => {
  test('what is acknowledged is missing until it comes, what is not may be lost', () => {
    const it = history();
    const [one, other] = [it.publish(), it.publish()];
    it.ledger.acknowledged(one);
    expect(missing(it)).toEqual([one.id]);
    it.deliver(one);
    expect(missing(it)).toEqual([]);
    it.ledger.acknowledged(other);
    expect(missing(it)).toEqual([other.id]);
    expect(it.noted()).toEqual([]);
  });

  test('QoS 2 that comes twice is duplicated, QoS 1 is not', () => {
    const it = history();
    const [once, often] = [it.publish(), it.publish({ qos: 1 })];
    for (const message of [once, often, once, often]) it.deliver(message);
    expect(it.noted()).toEqual(["duplicated: 'p-1'"]);
  });

  test('what comes behind its successor is inverted, unless it was sent again at QoS 1', () => {
    const it = history();
    const [first, second] = [it.publish(), it.publish()];
    it.deliver(second);
    it.deliver(first);
    expect(it.noted()).toEqual(["inverted: 'p-1'"]);
    const [third, fourth] = [it.publish({ qos: 1 }), it.publish({ qos: 1 })];
    it.deliver(fourth);
    it.ledger.republished(third);
    it.deliver(third);
    expect(it.noted()).toHaveLength(1);
  });

  test('what nobody published is noted', () => {
    const it = history();
    it.ledger.delivered(it.ledger.receiver('sub', 2), { topic: 't/1', payload: 'what|', retain: false, dup: false });
    expect(it.noted()).toEqual(['other: sub']);
  });
});

describe('what was cancelled', () => {
  test('a message behind an acknowledged UNSUBSCRIBE must not come; one beside it may come or not', () => {
    const it = history();
    const timeline = it.ledger.receiver('sub', 2).timeline('t/#');
    timeline.asked(false, it.ledger.next());
    const beside = it.publish();
    it.ledger.acknowledged(beside);
    timeline.done(it.ledger.next());
    expect(missing(it)).toEqual([]);
    it.deliver(beside);
    expect(it.noted()).toEqual([]);
    const behind = it.publish();
    it.deliver(behind);
    expect(it.noted()).toEqual(["other: 'p-2'"]);
  });

  test('a message from before a clean start must not come behind it', () => {
    const it = history();
    const before = it.publish();
    it.ledger.acknowledged(before);
    const facts = new SessionFacts('sub', Infinity, it.ledger);
    facts.asked(true);
    facts.connected(false, true, it.ledger.receiver('sub', 2));
    expect(missing(it)).toEqual([]);
    it.deliver(before);
    expect(it.noted()).toEqual(["other: 'p-1'"]);
  });

  test('only the last retained message of a topic counts, and none that was cleared', () => {
    const it = history();
    for (const topic of ['r/a', 'r/b']) it.publish({ topic, retain: true });
    const last = it.publish({ topic: 'r/a', retain: true });
    it.publish({ topic: 'r/b', retain: true, clears: true });
    expect([...it.ledger.retainedNow()]).toEqual([['r/a', last.id]]);
  });
});

describe('sessions', () => {
  test('one that was acknowledged must be there, and one that has ended must not', () => {
    const it = history();
    const facts = new SessionFacts('c', Infinity, it.ledger);
    const connect = (cleanStart: boolean, sessionPresent: boolean): void => {
      facts.asked(cleanStart);
      facts.connected(sessionPresent, true, undefined);
      facts.left();
      facts.restarted();
    };
    connect(false, false);
    connect(false, true);
    connect(true, false);
    expect(it.noted()).toEqual([]);
    connect(true, true);
    connect(false, false);
    expect(it.noted()).toEqual(['other: the', 'lost: the']);
  });

  test('a CONNECT without its CONNACK may have made one', () => {
    const it = history();
    const facts = new SessionFacts('c', Infinity, it.ledger);
    facts.asked(false);
    facts.left();
    facts.restarted();
    facts.asked(false);
    facts.connected(true, true, undefined);
    expect(it.noted()).toEqual([]);
  });
});

describe('wills', () => {
  test('one that is due is awaited, and comes once', () => {
    const { ledger, noted } = history();
    const will = ledger.wills.asked('w', 0);
    will.state = 'armed';
    ledger.wills.restarted(Date.now());
    expect(ledger.wills.awaited().late).toHaveLength(1);
    ledger.wills.delivered('w');
    expect(ledger.wills.awaited()).toEqual({ late: [], soon: [] });
    ledger.wills.delivered('w');
    expect(noted()).toEqual(['duplicated: the']);
  });

  test('one that was discarded must not come, once something behind the DISCONNECT was acknowledged', () => {
    const it = history();
    const { wills } = it.ledger;
    const [kept, gone] = [wills.asked('kept', 0), wills.asked('gone', 0)];
    kept.state = gone.state = 'leaving';
    wills.left(gone);
    it.ledger.acknowledged(it.publish());
    wills.delivered('kept');
    expect(it.noted()).toEqual([]);
    wills.delivered('gone');
    expect(it.noted()).toEqual(['other: the']);
  });
});
