"""One client of Eclipse Paho for Python; prints what it sees as lines of JSON.

    peer.py PORT echo [VERSION [QOS]]   subscribes, publishes to itself with properties, prints the message
    peer.py PORT order COUNT            publishes COUNT messages at QoS 2 to itself, prints their payloads
    peer.py PORT session                leaves a session behind, publishes to it, resumes it, prints what waited
    peer.py PORT denied                 prints the reason code of a refused subscription
"""
import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

DEADLINE = 10


class Peer:
    """A client whose every step waits for the broker's answer."""

    def __init__(self, client_id="python", version=mqtt.MQTTv5):
        # paho 2 wants to be told that the callbacks below are of the old form.
        old_form = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
        self.client = mqtt.Client(*old_form, client_id=client_id, protocol=version)
        self.version = version
        self.messages = []
        self.answers = {}
        self.changed = threading.Condition()
        self.client.on_connect = lambda client, data, flags, code, properties=None: self.answer("connect", (flags, code))
        self.client.on_subscribe = lambda client, data, mid, codes, properties=None: self.answer("subscribe", codes)
        self.client.on_disconnect = lambda client, data, code, properties=None: self.answer("disconnect", code)
        self.client.on_message = self.on_message

    def answer(self, name, value):
        with self.changed:
            self.answers[name] = value
            self.changed.notify_all()

    def on_message(self, client, data, message):
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def wait(self, what, ready):
        with self.changed:
            if not self.changed.wait_for(ready, DEADLINE):
                sys.exit(f"no {what} within {DEADLINE} s")

    def wait_answer(self, name):
        self.wait(name, lambda: name in self.answers)
        return self.answers.pop(name)

    def connect(self, port, **options):
        self.client.connect("127.0.0.1", port, **options)
        self.client.loop_start()
        flags, code = self.wait_answer("connect")
        if int(getattr(code, "value", code)) != 0:
            sys.exit(f"refused: {code}")
        return flags["session present"]

    def subscribe(self, topic, qos):
        if self.version == mqtt.MQTTv5:
            self.client.subscribe(topic, options=SubscribeOptions(qos=qos))
        else:
            self.client.subscribe(topic, qos)
        return self.wait_answer("subscribe")

    def publish(self, topic, payload, qos, properties=None):
        if self.version == mqtt.MQTTv5:
            info = self.client.publish(topic, payload, qos, properties=properties)
        else:
            info = self.client.publish(topic, payload, qos)
        info.wait_for_publish(DEADLINE)

    def receive(self, count):
        self.wait(f"{count} messages", lambda: len(self.messages) >= count)
        return self.messages

    def disconnect(self):
        self.client.disconnect()
        self.wait_answer("disconnect")
        self.client.loop_stop()


def show(**fields):
    print(json.dumps(fields), flush=True)


def echo(port, version="5", qos="2"):
    peer = Peer(version=int(version))
    peer.connect(port)
    peer.subscribe("python/#", int(qos))
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.ResponseTopic = "python/reply"
    properties.CorrelationData = b"\x01\x02"
    properties.PayloadFormatIndicator = 1
    properties.MessageExpiryInterval = 600
    properties.UserProperty = [("b", "2"), ("a", "1"), ("b", "3")]
    peer.publish("python/t", "hello", int(qos), properties)
    message = peer.receive(1)[0]
    got = message.properties.json() if peer.version == mqtt.MQTTv5 else {}
    show(topic=message.topic, qos=message.qos, payload=message.payload.decode(), properties=got)
    peer.disconnect()


def order(port, count):
    peer = Peer()
    peer.connect(port)
    peer.subscribe("order", 2)
    for index in range(int(count)):
        peer.client.publish("order", str(index), 2)
    show(payloads=[int(message.payload) for message in peer.receive(int(count))])
    peer.disconnect()


def session(port):
    expiry = Properties(PacketTypes.CONNECT)
    expiry.SessionExpiryInterval = 3600
    first = Peer("durable")
    present = [first.connect(port, clean_start=True, properties=expiry)]
    first.subscribe("away", 2)
    first.disconnect()
    other = Peer("other")
    other.connect(port)
    for payload in ["one", "two"]:
        other.publish("away", payload, 2)
    other.disconnect()
    second = Peer("durable")
    present.append(second.connect(port, clean_start=False, properties=expiry))
    payloads = [message.payload.decode() for message in second.receive(2)]
    show(present=present, payloads=payloads)
    second.disconnect()


def denied(port):
    peer = Peer()
    peer.connect(port)
    codes = peer.subscribe("secret/#", 1)
    show(subscribe=[code.value for code in codes])
    peer.disconnect()


{"echo": echo, "order": order, "session": session, "denied": denied}[sys.argv[2]](int(sys.argv[1]), *sys.argv[3:])
