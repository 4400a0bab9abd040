// Goal: virtual time runs everything that is due, in order, exactly once, and never by itself.
import { describe, expect, test } from '@jest/globals';
import { memoryDuplexPair, virtualClock, VirtualClock } from '../../../src/testing/index.js';

/** A clock and what happened on it, as `name@ms`. */
function recording(clock = virtualClock()) {
  const log: string[] = [];
  const note = (name: string) => (): void => void log.push(`${name}@${clock.now()}`);
  return { clock, log, note };
}

describe('time', () => {
  test('stands still until it is moved, the wall clock with it', () => {
    const clock = virtualClock({ nowMs: 5, wallMs: 1_000 });
    expect([clock.now(), clock.wall()]).toEqual([5, 1_000]);
    clock.advance(1.5);
    expect([clock.now(), clock.wall()]).toEqual([6.5, 1_001.5]);
    clock.shiftWall(-500);
    expect([clock.now(), clock.wall()]).toEqual([6.5, 501.5]);
    expect(new Date(new VirtualClock().wall()).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });

  test.each([-1, NaN, Infinity])('cannot move by %p', (ms) => {
    expect(() => virtualClock().advance(ms)).toThrow(RangeError);
  });

  test('cannot move from within a wake', () => {
    const clock = virtualClock();
    clock.endOfTurn(() => clock.advance(1));
    expect(() => clock.flush()).toThrow(/from within/);
    clock.advance(1); // still works
    expect(clock.now()).toBe(1);
  });
});

describe('wakes', () => {
  test('happen in order of deadline, then of arrival, each at its own time', () => {
    const { clock, log, note } = recording();
    for (const [name, atMs] of Object.entries({ c: 30, a: 10, late: 101, b: 20, b2: 20, end: 100 })) {
      clock.wakeAt(atMs, note(name));
    }
    expect([clock.nextWakeMs, clock.pending]).toEqual([10, 6]);
    clock.advance(100);
    expect(log).toEqual(['a@10', 'b@20', 'b2@20', 'c@30', 'end@100']);
    expect([clock.now(), clock.nextWakeMs, clock.pending]).toEqual([100, 101, 1]);
  });

  test('a wake that arms the next one within the same stretch is followed', () => {
    const { clock, log, note } = recording();
    const everyTen = (): void => {
      note('tick')();
      clock.wakeAt(clock.now() + 10, everyTen);
    };
    clock.wakeAt(10, everyTen);
    clock.advance(35);
    expect(log).toEqual(['tick@10', 'tick@20', 'tick@30']);
    expect(clock.now()).toBe(35);
  });

  test('each call replaces the one before, for each function; Infinity calls it off', () => {
    const { clock, log, note } = recording();
    const [first, second] = [note('first'), note('second')];
    clock.wakeAt(10, first);
    clock.wakeAt(10, second);
    clock.wakeAt(20, first);
    clock.wakeAt(Infinity, second);
    clock.advance(50);
    expect(log).toEqual(['first@20']);
    expect(clock.pending).toBe(0);
  });

  test('a fork has one wake whatever function it is given, and the same time and turns', () => {
    const { clock, log, note } = recording();
    const [one, other] = [clock.fork(), clock.fork()];
    one.wakeAt(10, note('replaced'));
    one.wakeAt(20, note('one'));
    other.wakeAt(15, note('other'));
    clock.wakeAt(15, note('root'));
    one.endOfTurn(note('turn'));
    clock.advance(30);
    expect(log).toEqual(['turn@0', 'other@15', 'root@15', 'one@20']);
    expect([one.now(), one.wall()]).toEqual([clock.now(), clock.wall()]);
  });

  test('one that is due already happens at the next flush, with time as it is', () => {
    const { clock, log, note } = recording(virtualClock({ nowMs: 100 }));
    clock.wakeAt(50, note('overdue'));
    expect(log).toEqual([]);
    clock.flush();
    expect(log).toEqual(['overdue@100']);
  });
});

describe('the end of a turn', () => {
  test('comes with flush and after each wake, and work put off meanwhile comes in the same flush', () => {
    const { clock, log, note } = recording();
    clock.endOfTurn(() => {
      note('first')();
      clock.endOfTurn(note('third'));
    });
    clock.endOfTurn(note('second'));
    expect(log).toEqual([]);
    clock.flush();
    expect(log.splice(0)).toEqual(['first@0', 'second@0', 'third@0']);
    clock.wakeAt(10, () => {
      note('wake')();
      clock.endOfTurn(note('turn'));
    });
    clock.wakeAt(11, note('next wake'));
    clock.advance(20);
    expect(log).toEqual(['wake@10', 'turn@10', 'next wake@11']);
  });

  test('is not entered twice', () => {
    const { clock, log, note } = recording();
    clock.endOfTurn(() => {
      clock.endOfTurn(note('inner'));
      clock.flush();
      note('outer')();
    });
    clock.flush();
    expect(log).toEqual(['outer@0', 'inner@0']);
  });

  test('work that always asks for more is an error, not a hang', () => {
    const clock = virtualClock();
    const again = (): void => clock.endOfTurn(again);
    again();
    expect(() => clock.flush()).toThrow(/does not end/);
  });
});

describe('settle', () => {
  test('lets promises and end-of-turn work alternate until neither is left; time stands still', async () => {
    const { clock, log, note } = recording();
    const step = async (left: number): Promise<void> => {
      for (let job = 0; job < 20; job += 1) await Promise.resolve();
      note(`step${left}`)();
      if (left > 0) clock.endOfTurn(() => void step(left - 1));
    };
    void step(3);
    clock.wakeAt(1, note('never'));
    await clock.settle();
    expect(log).toEqual(['step3@0', 'step2@0', 'step1@0', 'step0@0']);
    expect([clock.now(), clock.pending]).toEqual([0, 1]);
  });

  test('lets streams in memory deliver', async () => {
    const clock = virtualClock();
    const [near, far] = memoryDuplexPair();
    let text = '';
    far.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.length < 20) clock.endOfTurn(() => near.write('more '));
    });
    near.write('some ');
    await clock.settle();
    expect(text).toBe('some more more more ');
    near.destroy();
    await clock.settle();
    expect(far.destroyed).toBe(true);
  });
});
