/** Listeners that fail harm nobody, and no `error` is ever lost: to its listener, else the logger, else a process warning. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { BrokerError, type BrokerEvents, type Logger } from '../../src/index.js';
import { testBroker } from '../support/broker.js';

let emitWarning: jest.SpiedFunction<typeof process.emitWarning>;
beforeEach(() => {
  emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(() => emitWarning.mockRestore());

const fail = (): never => {
  throw new Error('broken');
};
const reject = (): Promise<never> => Promise.reject(new Error('broken'));

interface Line {
  readonly level: string;
  readonly fields: object;
  readonly message: string | undefined;
}

function memoryLogger(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const write =
    (level: string) =>
    (fields: object, message?: string): void =>
      void lines.push({ level, fields, message });
  return { lines, logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } };
}

describe('a listener that fails', () => {
  const events: readonly (keyof BrokerEvents)[] = [
    'client', 'clientReady', 'clientDisconnected', 'publish', 'delivered', 'subscribe', 'unsubscribe',
    'sessionCreated', 'sessionEnded', 'will', 'dropped',
  ]; // prettier-ignore

  test.each([
    ['throws', fail],
    ['rejects', reject],
  ])('that %s: everything goes on, other listeners hear, and it is reported with the event’s name', async (_, listener) => {
    const { broker, client, clock } = testBroker({ authorize: (_client, { topic }) => topic !== 'no' });
    const errors: string[] = [];
    const heard = new Set<string>();
    broker.on('error', (error) => errors.push(error.message));
    for (const event of events) {
      broker.on(event, listener as () => void);
      broker.on(event, () => heard.add(event));
    }
    const a = client().connected({ clientId: 'a', will: { topic: 't', payload: 'bye' } }).subscribe('t');
    a.publish({ topic: 't', payload: 'x' }).publish({ topic: 'no' }).pingreq();
    expect(a.received().map(({ type }) => type)).toEqual(['suback', 'publish', 'pingresp']);
    a.unsubscribe('t').drop();
    await clock.settle();
    expect([...heard].toSorted()).toEqual([...events].toSorted());
    for (const event of events) expect(errors).toContain(`a listener of '${event}' failed: broken`);
    expect(broker.stats().listenerErrors).toBe(errors.length);
    expect(errors.length).toBeGreaterThanOrEqual(events.length);
    expect(emitWarning).not.toHaveBeenCalled();
  });

  test('once: called once, also when it throws', () => {
    const { broker, client } = testBroker();
    const errors: Error[] = [];
    broker.on('error', (error) => errors.push(error));
    broker.once('client', fail);
    client().connected();
    client().connected();
    expect(errors).toHaveLength(1);
    expect(broker.listenerCount('client')).toBe(0);
  });

  test('off removes it; the same function added twice is removed one at a time', () => {
    const { broker, client } = testBroker();
    let calls = 0;
    const listener = (): void => void (calls += 1);
    broker.on('client', listener).on('client', listener).off('client', listener);
    client().connected();
    expect(calls).toBe(1);
    broker.off('client', listener).off('client', listener);
    client().connected();
    expect(calls).toBe(1);
  });

  test('of error itself is not asked about its own failure: a warning', async () => {
    const { broker, client, clock } = testBroker();
    let calls = 0;
    broker.on('error', () => {
      calls += 1;
      throw new Error('twice broken');
    });
    broker.on('client', fail);
    client().connected();
    await clock.settle();
    expect(calls).toBe(1);
    expect(emitWarning.mock.calls.map(([message]) => message)).toEqual(["a listener of 'error' failed: twice broken"]);
  });
});

describe('an error', () => {
  test('goes to its listeners, as a BrokerError with the cause', () => {
    const { logger, lines } = memoryLogger();
    const { broker, client } = testBroker({ logger });
    const errors: unknown[] = [];
    broker.on('error', (error) => errors.push(error));
    broker.on('client', fail);
    client().connected();
    expect(errors).toEqual([expect.any(BrokerError)]);
    expect(errors).toMatchObject([{ code: 'ODN_ERR_LISTENER', cause: { message: 'broken' } }]);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(emitWarning).not.toHaveBeenCalled();
  });

  test('without a listener goes to the logger', () => {
    const { logger, lines } = memoryLogger();
    const { broker, client } = testBroker({ logger });
    broker.on('client', fail);
    client().connected();
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { level: 'error', fields: { code: 'ODN_ERR_LISTENER', err: expect.any(BrokerError) }, message: expect.stringContaining('broken') },
    ]);
    expect(emitWarning).not.toHaveBeenCalled();
  });

  test('with neither becomes a process warning with its code', () => {
    const { broker, client } = testBroker();
    broker.on('client', fail);
    client().connected();
    const options = { type: 'OdonataWarning', code: 'ODN_ERR_LISTENER', detail: expect.stringContaining('BrokerError') };
    expect(emitWarning.mock.calls).toEqual([["a listener of 'client' failed: broken", options]]);
  });

  test('a listener that rejects is reported so too', async () => {
    const { broker, client, clock } = testBroker();
    broker.on('client', reject as () => void);
    client().connected();
    await clock.settle();
    expect(emitWarning).toHaveBeenCalledTimes(1);
  });
});

describe('logger', () => {
  const asText = (lines: readonly Line[]): string[] => lines.map(({ level, message }) => `${level} ${message}`);

  test('debug: clients that come and go, connections that are refused; info: the broker itself', async () => {
    const { logger, lines } = memoryLogger();
    const { broker, client, clock } = testBroker({ logger, authenticate: ({ clientId }) => clientId !== 'no' });
    const meta = { transport: 'tcp', remoteAddress: '192.0.2.1' } as const;
    client({ meta }).connected({ clientId: 'a' }).publish({ topic: 't', qos: 1 }).disconnect();
    client({ meta }).connect({ clientId: 'no' });
    client().sendsHex('ff ff ff ff ff ff');
    const closed = broker.close();
    await clock.settle();
    await closed;
    expect(asText(lines)).toEqual([
      'debug client connected',
      'debug client disconnected',
      'debug connection refused',
      'debug connection refused',
      'info closed',
    ]);
    expect(lines[0]?.fields).toMatchObject({ clientId: 'a', ...meta });
    expect(lines[2]?.fields).toMatchObject({ clientId: 'no', reasonCode: 0x87, ...meta });
    expect(emitWarning).not.toHaveBeenCalled();
  });

  test('warn: a hook that failed, without what it was about to tell', () => {
    const { logger, lines } = memoryLogger();
    const { client } = testBroker({ logger, authorize: fail });
    client().connected().publish({ topic: 't' });
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([{ fields: { code: 'ODN_ERR_HOOK', hook: 'authorize' } }]);
  });

  test('without a logger a peer’s mistakes are events alone, not warnings', () => {
    const { client } = testBroker();
    client().sendsHex('ff ff ff ff ff ff');
    client().connected().sendsHex('f0 00');
    expect(emitWarning).not.toHaveBeenCalled();
  });
});
