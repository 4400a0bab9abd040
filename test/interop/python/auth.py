"""One MQTT 5.0 client of Eclipse Paho for Python that logs in with a token; prints the reason code of the CONNACK.

    auth.py PORT password TOKEN   as the password
    auth.py PORT method TOKEN     as Authentication Data of the method JWT
"""
import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

DEADLINE = 10

port, way, token = int(sys.argv[1]), sys.argv[2], sys.argv[3]
# paho 2 wants to be told that the callback below is of the old form.
old_form = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
client = mqtt.Client(*old_form, client_id="python", protocol=mqtt.MQTTv5)
answered = threading.Event()
codes = []


def on_connect(client, data, flags, code, properties=None):
    codes.append(int(getattr(code, "value", code)))
    answered.set()


client.on_connect = on_connect
properties = Properties(PacketTypes.CONNECT)
if way == "password":
    client.username_pw_set("any", token)
else:
    properties.AuthenticationMethod = "JWT"
    properties.AuthenticationData = token.encode()
client.connect("127.0.0.1", port, properties=properties)
client.loop_start()
if not answered.wait(DEADLINE):
    sys.exit(f"no CONNACK within {DEADLINE} s")
client.disconnect()
client.loop_stop()
print(json.dumps({"connect": codes[0]}), flush=True)
