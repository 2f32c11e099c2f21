"""One persistent MQTT connection: what it receives waits in a queue; what is acknowledged is said by its taker."""

import queue
import threading
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from alerts.feeds.mqtt import MqttSpec
from geodata.clock import epoch_ms, utc_now
from geodata.errors import NotConfigured

QUEUE = 10_000
PACKET_MAX = 1_000_000
RECONNECT_MAX_S = 30
REFUSED = "代理拒绝"


@dataclass(frozen=True, slots=True)
class Message:
    """As it came. `connection` counts connections: an acknowledgement belongs to the one it came by."""

    connection: int
    mid: int
    qos: int
    dup: bool
    retain: bool
    topic: str
    payload: bytes
    arrival_ms: int


class MqttConnection:
    """`start`, take from `waiting`, `acknowledge`, `stop`. Reconnects by itself, 1 s doubling to 30 s.

    `state` is "" when connected and subscribed, None before anything is known, else what is wrong. `overflow()` gives
    how many QoS 0 messages found no room since it was asked last.
    """

    def __init__(self, spec: MqttSpec, client_id: str, password: str) -> None:
        self.spec = spec
        self.waiting: queue.Queue[Message] = queue.Queue(QUEUE)
        self.state: str | None = None
        self.sessions_lost = 0
        self._connection, self._overflow = 0, 0
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self.client = self._made(client_id, password)

    def _made(self, client_id: str, password: str) -> paho.Client:
        spec = self.spec
        v5 = spec.protocol == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, clean_session=None if v5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311, manual_ack=True,
        )  # fmt: skip
        if spec.username:
            client.username_pw_set(spec.username, password or None)
        if spec.tls:
            try:
                client.tls_set(spec.ca_file or None, spec.cert_file or None, spec.key_file or None)
            except (OSError, ValueError) as problem:
                raise NotConfigured(f"TLS 证书读不了:{problem}") from None
        client.reconnect_delay_set(1, RECONNECT_MAX_S)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_message = self._on_connect_fail, self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def start(self) -> None:
        spec, properties = self.spec, None
        if spec.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = spec.session_expiry_s
            properties.ReceiveMaximum = spec.receive_maximum
            properties.MaximumPacketSize = PACKET_MAX
        clean: Any = False if spec.protocol == "5" else paho.MQTT_CLEAN_START_FIRST_ONLY
        self.client.connect_async(
            spec.host, spec.port, spec.keepalive_s, clean_start=clean, properties=properties
        )  # fmt: skip
        self.client.loop_start()

    def stop(self) -> None:
        """Leave without ending the session: what was not acknowledged comes again."""
        self._stopping.set()
        self.client.disconnect()
        self.client.loop_stop()

    def acknowledge(self, message: Message) -> None:
        """Tell the broker; not when the connection has changed since: the message comes again and is told then."""
        if message.qos and message.connection == self._connection:
            self.client.ack(message.mid, message.qos)

    def is_running(self) -> bool:
        """Whether its thread lives; an error of ours in a callback would end it."""
        return any(one.is_alive() for one in threading.enumerate() if one is self.client._thread)

    def overflow(self) -> int:
        with self._lock:
            found, self._overflow = self._overflow, 0
        return found

    def _on_connect(self, _client: Any, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.state = f"{REFUSED}连接:{reason}"
            return
        self._connection += 1
        if not flags.session_present and self._connection > 1:
            self.sessions_lost += 1
        if self.spec.protocol == "5":  # what is retained comes with a new subscription only
            options = SubscribeOptions(qos=1, retainHandling=1)
            topics: Any = [(topic, options) for topic in self._filters()]
        else:
            topics = [(topic, 1) for topic in self._filters()]
        self.client.subscribe(topics)
        self.state = "已连上代理,正在订阅"

    def _filters(self) -> list[str]:
        return list(dict.fromkeys(topic.filter for topic in self.spec.topics))

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [str(one) for one in reasons if one.is_failure]
        self.state = f"{REFUSED}订阅:{'、'.join(refused)}" if refused else ""

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self._stopping.is_set() and not (self.state or "").startswith(REFUSED):  # which says more
            self.state = f"与代理断开,正在重连:{reason}"

    def _on_connect_fail(self, _client: Any, _userdata: Any) -> None:
        why = "(也可能是证书不对:看 ca_file 与主机名)" if self.spec.tls else ""
        self.state = f"连不上代理 {self.spec.host}:{self.spec.port},正在重试{why}"

    def _on_message(self, _client: Any, _userdata: Any, found: paho.MQTTMessage) -> None:
        try:
            topic = found.topic
        except UnicodeDecodeError:
            topic = repr(found._topic)
        message = Message(
            self._connection, found.mid, found.qos, found.dup, found.retain, topic, bytes(found.payload),
            epoch_ms(utc_now()),
        )  # fmt: skip
        while not self._stopping.is_set():
            try:
                self.waiting.put(message, timeout=0.0 if not message.qos else 1.0)
                return
            except queue.Full:
                if not message.qos:
                    with self._lock:
                        self._overflow += 1
                    return  # QoS 1 holds the socket back instead: the broker keeps the rest
