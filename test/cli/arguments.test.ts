import { describe, expect, test } from '@jest/globals';
import { help, readArguments } from '../../src/cli/arguments.js';

const plain = {
  action: 'serve',
  host: '127.0.0.1',
  port: 1883,
  tls: undefined,
  webSocket: undefined,
  config: undefined,
  memory: false,
  data: undefined,
  output: 'normal',
};
const tls = ['--tls-cert', 'c', '--tls-key', 'k'];

function faultOf(argv: readonly string[]): unknown {
  try {
    return readArguments(argv);
  } catch (error) {
    return error;
  }
}

describe('readArguments', () => {
  test('without arguments serves plain MQTT on 127.0.0.1:1883', () => {
    expect(readArguments([])).toEqual(plain);
  });

  test.each([
    ['--port 0 --host ::1', { port: 0, host: '::1' }],
    ['--port=65535', { port: 65_535 }],
    ['--ws-port 8083', { webSocket: { port: 8083, path: '/mqtt' } }],
    ['--ws-port 0 --ws-path /', { webSocket: { port: 0, path: '/' } }],
    [
      '--tls-cert c --tls-key k',
      { tls: { port: 8883, cert: 'c', key: 'k', ca: undefined, requestCert: false } },
    ],
    [
      '--port none --tls-cert c --tls-key k --tls-ca a --tls-port 1 --tls-request-cert',
      { port: undefined, tls: { port: 1, cert: 'c', key: 'k', ca: 'a', requestCert: true } },
    ],
    ['--config broker.mjs --memory', { config: 'broker.mjs', memory: true }],
    ['--data ./data', { data: './data' }],
    ['--verbose', { output: 'verbose' }],
    ['--quiet', { output: 'quiet' }],
  ])('reads %s', (line, changes) => {
    expect(readArguments(line.split(' '))).toEqual({ ...plain, ...changes });
  });

  test.each([
    [['--help'], 'help'],
    [['-h', '--port', 'x'], 'help'],
    [['--version'], 'version'],
  ])('%j asks for %s', (argv, action) => {
    expect(readArguments(argv)).toEqual({ action });
  });

  test.each([
    [['--prot', '1'], "Unknown option '--prot'"],
    [['broker.mjs'], "Unexpected argument 'broker.mjs'"],
    [['--port'], "Option '--port <value>' argument missing"],
    [['--port', '--quiet'], "Option '--port' argument is ambiguous"],
    [['--quiet=yes'], "Option '--quiet' does not take an argument"],
    [['--port', '65536'], "--port is '65536'; it must be a number from 0 to 65535"],
    [['--port', '-1'], "Option '--port' argument is ambiguous"],
    [['--port', ''], "--port is ''; it must be a number from 0 to 65535"],
    [['--port', '1e3'], "--port is '1e3'; it must be a number from 0 to 65535"],
    [['--host', ''], '--host needs an address'],
    [['--ws-port', 'x'], "--ws-port is 'x'; it must be a number from 0 to 65535"],
    [['--ws-port', '1', '--ws-path', 'mqtt'], "--ws-path is 'mqtt'; it must be a path such as /mqtt"],
    [['--ws-port', '1', '--ws-path', '/a?b'], "--ws-path is '/a?b'; it must be a path such as /mqtt"],
    [['--ws-path', '/mqtt'], '--ws-path needs --ws-port'],
    [['--tls-cert', 'c'], 'TLS needs both --tls-cert and --tls-key'],
    [['--tls-port', '8883'], 'TLS needs both --tls-cert and --tls-key'],
    [['--tls-request-cert'], 'TLS needs both --tls-cert and --tls-key'],
    [[...tls, '--tls-request-cert'], '--tls-request-cert needs --tls-ca'],
    [[...tls, '--tls-port', 'x'], "--tls-port is 'x'; it must be a number from 0 to 65535"],
    [['--data', ''], '--data needs a folder'],
    [['--data', 'd', '--memory'], '--data and --memory exclude each other'],
    [['--quiet', '--verbose'], '--quiet and --verbose exclude each other'],
    [['--port', 'none'], '--port none leaves nothing to listen on: give --ws-port, or --tls-cert and --tls-key'],
  ])('%j is refused in one line', (argv, message) => {
    expect(faultOf(argv)).toMatchObject({ name: 'UsageError', message });
  });

  test('--help names every option', () => {
    const names = ['port', 'host', 'config', 'memory', 'verbose', 'quiet', 'help', 'version', 'ws-port', 'ws-path'];
    const tlsNames = ['cert', 'key', 'ca', 'port', 'request-cert'].map((name) => `tls-${name}`);
    for (const name of [...names, ...tlsNames]) expect(help).toContain(`--${name} `);
  });
});
