/** The application under test: turns the heating of a room on below 18 degrees and off from 20 on. */
import type { MqttClient } from 'mqtt';

export async function thermostat(client: MqttClient): Promise<void> {
  client.on('message', (topic, payload) => {
    const room = topic.split('/')[1];
    const celsius = Number(payload);
    if (celsius < 18) client.publish(`heating/${room}`, 'on', { qos: 1, retain: true });
    else if (celsius >= 20) client.publish(`heating/${room}`, 'off', { qos: 1, retain: true });
  });
  await client.subscribeAsync('temperature/+', { qos: 1 });
}
