/** The sender half of QoS 2, as a machine: every sequence of inputs. */
import { expect, test } from '@jest/globals';
import { qos2SenderStep, type Qos2SenderInput, type Qos2SenderState } from '../../../src/protocol/qos2-sender.js';

const inputs = ['pubrec', 'pubrecError', 'pubcomp', 'resume'] satisfies Qos2SenderInput[];

// Goal: once PUBREL is out, PUBLISH stays sent. Method: all 4^5 = 1,024 input sequences of length 5.
test('v5 [MQTT-4.3.3-6] PUBLISH is never sent again after PUBREL', () => {
  let sequences = 0;
  const walk = (state: Qos2SenderState, pubrelSent: boolean, depth: number): void => {
    if (depth === 0) return void (sequences += 1);
    for (const input of inputs) {
      const step = qos2SenderStep(state, input);
      if (pubrelSent) expect(step?.effect).not.toBe('resendPublish');
      walk(step?.next ?? state, pubrelSent || step?.effect === 'sendPubrel', depth - 1);
    }
  };
  walk('awaitPubrec', false, 5);
  expect(sequences).toBe(1024);
});

test('the identifier is free after PUBCOMP or a refusing PUBREC, and nothing but PUBREL comes of it then', () => {
  for (const ending of [['pubrec', 'resume', 'pubrec', 'pubcomp'], ['resume', 'pubrecError']] as const) {
    let state: Qos2SenderState = 'awaitPubrec';
    const effects = ending.map((input) => {
      const step = qos2SenderStep(state, input);
      state = step?.next ?? state;
      return step?.effect;
    });
    expect([state, effects.at(-1)]).toEqual(['done', 'releasePacketId']);
  }
  expect(inputs.map((input) => qos2SenderStep('done', input))).toEqual([{ next: 'done', effect: 'sendPubrel' }, undefined, undefined, undefined]);
});
