/**
 * Sender half of one QoS 2 delivery (MQTT 5.0 and 3.1.1, section 4.3.3).
 *   awaitPubrec --pubrec--> awaitPubcomp --pubcomp--> done
 *        |                       |
 *        '--pubrecError--> done  '--resume--> awaitPubcomp (PUBREL again)
 * Pure: the session owns outlet, store and window, and performs the returned effect.
 */
export type Qos2SenderState = 'awaitPubrec' | 'awaitPubcomp' | 'done';
export type Qos2SenderInput = 'pubrec' | 'pubrecError' | 'pubcomp' | 'resume';
export type Qos2SenderEffect = 'resendPublish' | 'sendPubrel' | 'releasePacketId';

interface Step {
  readonly next: Qos2SenderState;
  readonly effect: Qos2SenderEffect;
}

export const qos2SenderTable: {
  readonly [S in Qos2SenderState]: { readonly [I in Qos2SenderInput]?: Step };
} = {
  awaitPubrec: {
    pubrec: { next: 'awaitPubcomp', effect: 'sendPubrel' }, // v5 [MQTT-4.3.3-4], v3.1.1 [MQTT-4.3.3-1]
    pubrecError: { next: 'done', effect: 'releasePacketId' }, // v5 [MQTT-4.4.0-2]
    resume: { next: 'awaitPubrec', effect: 'resendPublish' },
  },
  awaitPubcomp: {
    pubrec: { next: 'awaitPubcomp', effect: 'sendPubrel' }, // a repeated PUBREC gets its PUBREL again
    pubcomp: { next: 'done', effect: 'releasePacketId' },
    resume: { next: 'awaitPubcomp', effect: 'sendPubrel' }, // never PUBLISH: v5 [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1]
  },
  done: {
    pubrec: { next: 'done', effect: 'sendPubrel' }, // an unknown id is answered all the same
  },
};

/** Returns the step, or `undefined` when `input` is illegal in `state`; the state then stays as it was. */
export function qos2SenderStep(state: Qos2SenderState, input: Qos2SenderInput): Step | undefined {
  return qos2SenderTable[state][input];
}
