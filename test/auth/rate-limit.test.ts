/** Goal: nobody gets more than rate and burst. Method: a clock that a test moves. */
import { describe, expect, test } from '@jest/globals';
import { rateLimit, type RateLimitOptions } from '../../src/auth.js';
import { addressKey } from '../../src/auth/address-key.js';
import type { Action } from '../../src/index.js';
import { hookClient, publish, request, StandingClock, thrownBy } from './support.js';

const tooFast = { action: 'deny', reasonCode: 0x9f };
const tooMuch = { action: 'deny', reasonCode: 0x97 };

function limited(options: RateLimitOptions) {
  const clock = new StandingClock();
  const { authenticate, authorize } = rateLimit({ now: clock.now, ...options });
  return {
    clock,
    connect: (remoteAddress?: string) => authenticate(request({ connection: { ...(remoteAddress !== undefined && { remoteAddress }) } })),
    again: (remoteAddress: string) => authenticate(request({ type: 'reauthenticate', connection: { remoteAddress } })),
    publish: (payloadBytes = 0, id = 'a') => authorize(hookClient(id), publish('t', payloadBytes)),
    does: (action: Action) => authorize(hookClient(), action),
  };
}

describe('connects', () => {
  test('a burst, then the rate, by address', () => {
    const { clock, connect } = limited({ connectsPerSecond: 2, connectsBurst: 3 });
    expect([1, 2, 3, 4].map(() => connect('192.0.2.1'))).toEqual([true, true, true, tooFast]);
    expect(connect('192.0.2.2')).toBe(true);
    clock.ms += 499;
    expect(connect('192.0.2.1')).toEqual(tooFast);
    clock.ms += 1;
    expect([connect('192.0.2.1'), connect('192.0.2.1')]).toEqual([true, tooFast]);
    clock.ms += 3_600_000;
    expect([1, 2, 3, 4].map(() => connect('192.0.2.1'))).toEqual([true, true, true, tooFast]);
  });
  test('over any time no more than the burst and the rate', () => {
    const { clock, connect } = limited({ connectsPerSecond: 3.5, connectsBurst: 5 });
    let allowed = 0;
    for (let step = 0; step < 10_000; step += 1) {
      if (connect('192.0.2.1') === true) allowed += 1;
      clock.ms += 7;
    }
    expect(allowed).toBe(5 + Math.floor(3.5 * 9999 * 0.007));
  });
  test('re-authentications do not count', () => {
    const { connect, again } = limited({ connectsPerSecond: 1 });
    for (let index = 0; index < 5; index += 1) expect(again('192.0.2.1')).toBe(true);
    expect(connect('192.0.2.1')).toBe(true);
  });
  test('connections without an address count as one', () => {
    const { connect } = limited({ connectsPerSecond: 1 });
    expect([connect(), connect()]).toEqual([true, tooFast]);
  });
  test('a clock that goes back gives nothing', () => {
    const { clock, connect } = limited({ connectsPerSecond: 1 });
    expect(connect('192.0.2.1')).toBe(true);
    clock.ms -= 10_000;
    expect(connect('192.0.2.1')).toEqual(tooFast);
  });
  test('the addresses remembered are bounded: the one not seen for longest is forgotten', () => {
    const { connect } = limited({ connectsPerSecond: 1, addressesMax: 2 });
    expect([connect('192.0.2.1'), connect('192.0.2.2')]).toEqual([true, true]);
    expect(connect('192.0.2.1')).toEqual(tooFast); // seen, if refused
    expect(connect('192.0.2.3')).toBe(true);
    expect(connect('192.0.2.1')).toEqual(tooFast);
    expect(connect('192.0.2.2')).toBe(true);
  });
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::2:0:0:0:1', '2001:db8:0:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['something else', 'something else'],
    [undefined, ''],
  ])('%s is counted as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});

describe('publishes', () => {
  test('a burst, then the rate, by client', () => {
    const { clock, publish: pub } = limited({ publishesPerSecond: 10, publishesBurst: 2 });
    expect([pub(), pub(), pub()]).toEqual([true, true, tooMuch]);
    expect(pub(0, 'b')).toBe(true);
    clock.ms += 100;
    expect([pub(), pub()]).toEqual([true, tooMuch]);
  });
  test('bytes of topic and payload', () => {
    const { clock, publish: pub } = limited({ publishBytesPerSecond: 100 });
    expect([pub(49), pub(49), pub(0)]).toEqual([true, true, tooMuch]);
    clock.ms += 10;
    expect([pub(0), pub(0)]).toEqual([true, tooMuch]);
  });
  test('a message larger than the burst goes when the bucket is full, and is paid for', () => {
    const { clock, publish: pub } = limited({ publishBytesPerSecond: 100 });
    expect(pub(999)).toBe(true);
    clock.ms += 9000;
    expect(pub(0)).toEqual(tooMuch);
    clock.ms += 10;
    expect(pub(0)).toBe(true);
    expect(pub(999)).toEqual(tooMuch);
    clock.ms += 1000;
    expect(pub(999)).toBe(true);
  });
  test('what one limit refuses costs nothing of the other', () => {
    const { clock, publish: pub } = limited({ publishesPerSecond: 1, publishesBurst: 2, publishBytesPerSecond: 100 });
    expect([pub(99), pub(99), pub(99)]).toEqual([true, tooMuch, tooMuch]);
    clock.ms += 500; // half of the bytes, and one publish is left
    expect(pub(49)).toBe(true);
  });
  test('only publishes count, and no answer may be cached', () => {
    const { does, publish: pub } = limited({ publishesPerSecond: 1, publishBytesPerSecond: 1000 });
    const subscribe: Action = { type: 'subscribe', topic: '#', qos: 0, shareName: undefined, properties: {} };
    const deliver: Action = { type: 'deliver', topic: 't', qos: 0, retain: false, properties: {} };
    for (let index = 0; index < 5; index += 1) expect([does(subscribe), does(deliver), does({ ...publish(), type: 'will' } as Action)]).toEqual([true, true, true]);
    expect([pub(), pub()]).toEqual([true, tooMuch]);
  });
  test('coming back under the same identifier does not fill the bucket', () => {
    const { publish: pub } = limited({ publishesPerSecond: 1 });
    expect([pub(0, 'a'), pub(0, 'a')]).toEqual([true, tooMuch]); // another HookClient each time
  });
  test('what is not limited is allowed', () => {
    const { connect, publish: pub } = limited({});
    for (let index = 0; index < 100; index += 1) expect([connect('192.0.2.1'), pub(1e9)]).toEqual([true, true]);
  });
});

test.each([
  [{ connectsPerSecond: 0 }, 'connectsPerSecond'],
  [{ connectsPerSecond: Number.NaN }, 'connectsPerSecond'],
  [{ publishesPerSecond: -1 }, 'publishesPerSecond'],
  [{ publishesPerSecond: '5' }, 'publishesPerSecond'],
  [{ publishBytesPerSecond: Infinity }, 'publishBytesPerSecond'],
  [{ publishesPerSecond: 1, publishesBurst: 0.5 }, 'publishesBurst'],
  [{ connectsBurst: 5 }, 'connectsPerSecond'],
  [{ addressesMax: 0 }, 'addressesMax'],
  [{ clientsMax: 1.5 }, 'clientsMax'],
  [{ now: 5 }, 'now'],
  [{ connectPerSecond: 5 }, 'connectPerSecond'],
])('%j is refused by its name', (options, name) => {
  expect(thrownBy(() => rateLimit(options as never))).toMatchObject({ code: 'ODN_ERR_OPTION', message: expect.stringContaining(name) });
});
