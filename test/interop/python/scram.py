"""Connects with SCRAM-SHA-256 and prints the reason code of CONNACK, and whether the server has proven itself.

usage: scram.py PORT USER PASSWORD

Paho 1.6 sends the method in CONNECT and knows AUTH's properties, but does not handle the packet: the subclass does.
"""
import base64
import hashlib
import hmac
import os
import re
import sys

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTv5
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

METHOD = "SCRAM-SHA-256"
AUTH = 0xF0
port, user, password = sys.argv[1:]


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class ScramClient(Client):
    bare = f"n={user},r={base64.b64encode(os.urandom(12)).decode()}"
    expected = None

    def _packet_handle(self):
        if self._in_packet["command"] & 0xF0 != AUTH:
            return super()._packet_handle()
        packet = bytes(self._in_packet["packet"])
        properties = Properties(PacketTypes.AUTH)
        properties.unpack(packet[1:])
        self.answer(properties.AuthenticationData.decode())
        return MQTT_ERR_SUCCESS

    def answer(self, server_first):
        nonce, salt, iterations = re.fullmatch(r"r=(.+),s=(.+),i=(\d+)", server_first).groups()
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
        everything = f"{self.bare},{server_first},c=biws,r={nonce}"
        client_key = sign(salted, "Client Key")
        signature = sign(hashlib.sha256(client_key).digest(), everything)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        self.expected = f"v={base64.b64encode(sign(sign(salted, 'Server Key'), everything)).decode()}"
        properties = Properties(PacketTypes.AUTH)
        properties.AuthenticationMethod = METHOD
        properties.AuthenticationData = f"c=biws,r={nonce},p={proof}".encode()
        body = bytes([0x18]) + properties.pack()
        assert len(body) < 16384
        length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 + 128, len(body) // 128])
        self._packet_queue(AUTH, bytearray(bytes([AUTH]) + length + body), 0, 0)


def on_connect(client, _userdata, _flags, code, properties):
    data = getattr(properties, "AuthenticationData", b"").decode()
    print(f"{code.value:#04x}", "proven" if client.expected is not None and data == client.expected else "not proven", flush=True)
    client.disconnect()


client = ScramClient(client_id="py", protocol=MQTTv5)
client.on_connect = on_connect
connect = Properties(PacketTypes.CONNECT)
connect.AuthenticationMethod = METHOD
connect.AuthenticationData = f"n,,{client.bare}".encode()
client.connect("127.0.0.1", int(port), properties=connect)
client.loop_forever(retry_first_connection=False)
