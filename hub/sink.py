"""A message sink for drills and tests: a real SMTP server and a real HTTP gateway that keep what they were sent."""

import asyncio
import html
import json
import logging
import re
import socket
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

KEPT = 2000
MAX_BODY = 1_000_000
_LINK = re.compile(r"https?://\S+/r/\S+")


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came. `to` is the person's address at the gateway."""

    channel: str
    to: str
    title: str
    text: str
    link: str
    attempt_id: str
    exercise: bool
    at: float


@dataclass(slots=True)
class Trouble:
    """Knobs for tests: seconds to hang before answering, how many next messages to refuse with 500/451."""

    hang_s: float = 0.0
    fail_next: int = 0


class Sink:
    """Keeps the last 2,000 messages in memory. Port 0 takes a free one. For drills and tests, never for service."""

    def __init__(self, host: str = "127.0.0.1", http_port: int = 0, smtp_port: int = 0) -> None:
        self.trouble = Trouble()
        self._lock = threading.Lock()
        self._kept: deque[Received] = deque(maxlen=KEPT)
        self._http = _Server((host, http_port), self)
        self._smtp = Controller(_Mail(self), hostname=host, port=smtp_port or _free_port(host))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="sink-http", daemon=True)

    def start(self) -> "Sink":
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's own lines name recipients
        self._thread.start()
        self._smtp.start()
        return self

    def stop(self) -> None:
        self._smtp.stop()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def __enter__(self) -> "Sink":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def http_url(self) -> str:
        """Where messages are posted, and the page is read."""
        return f"http://{self._http.server_address[0]!s}:{self._http.server_address[1]}"

    @property
    def webhook_url(self) -> str:
        """For the setting `webhook_url`."""
        return f"{self.http_url}/messages"

    @property
    def smtp_url(self) -> str:
        """For the setting `smtp_url`."""
        return f"smtp://{self._smtp.hostname}:{self._smtp.port}?from=citybrain@example.invalid"

    def messages(self) -> list[Received]:
        """Oldest first."""
        with self._lock:
            return list(self._kept)

    def keep(self, message: Received) -> None:
        with self._lock:
            self._kept.append(message)

    def troubled(self) -> bool:
        """Hang as the knob says; whether to refuse this one."""
        if self.trouble.hang_s:
            time.sleep(self.trouble.hang_s)
        with self._lock:
            refuse = self.trouble.fail_next > 0
            self.trouble.fail_next -= refuse
        return refuse


def _free_port(host: str) -> int:
    """A port nobody listens on now: aiosmtpd's controller cannot be given 0."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class _Mail:
    """aiosmtpd handler: parses the real message."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if await asyncio.to_thread(self._sink.troubled):
            return "451 sink told to refuse"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain",))
        text = body.get_content() if body else ""
        link = _LINK.search(text)
        for address in envelope.rcpt_tos:
            self._sink.keep(
                Received(
                    channel="email",
                    to=address,
                    title=str(mail["Subject"]),
                    text=text,
                    link=link[0] if link else "",
                    attempt_id=str(mail["X-CityBrain-Attempt"] or ""),
                    exercise=mail["X-CityBrain-Exercise"] == "yes",
                    at=time.time(),
                )
            )
        return "250 kept"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sink: Sink) -> None:
        self.sink = sink
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """POST anywhere keeps a message; GET /messages lists them as JSON; GET / is the page."""

    server: _Server
    timeout = 60

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= MAX_BODY:
            return self._answer(413, "text/plain", b"")
        raw = self.rfile.read(length)
        if self.server.sink.troubled():
            return self._answer(500, "text/plain", b"sink told to refuse")
        try:
            body = json.loads(raw)
            message = _posted(body, self.headers.get("Idempotency-Key") or "")
        except (ValueError, AttributeError):
            return self._answer(400, "text/plain", b"not a JSON object")
        self.server.sink.keep(message)
        return self._answer(200, "application/json", b'{"kept":true}')

    def do_GET(self) -> None:
        newest = self.server.sink.messages()[::-1]
        if self.path.split("?")[0] == "/messages":
            items = json.dumps({"items": [asdict(item) for item in newest]}, ensure_ascii=False)
            return self._answer(200, "application/json; charset=utf-8", items.encode())
        return self._answer(200, "text/html; charset=utf-8", page(newest).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: messages name people."""


def _posted(body: dict[str, Any], key: str) -> Received:
    if isinstance(body.get("alerts"), list):
        return _notice(body, key)
    title, text = str(body.get("title", "")), str(body.get("message", ""))
    link, to = str(body.get("link", "")), str(body.get("to", ""))
    return Received("webhook", to, title, text, link, key, bool(body.get("exercise")), time.time())


def _notice(body: dict[str, Any], key: str) -> Received:
    """A notification of alerts (Alertmanager's payload version 4), one line an alert."""
    alerts = [one for one in body["alerts"] if isinstance(one, dict)]
    lines = [f"{one.get('status', '')}  {(one.get('annotations') or {}).get('summary', '')}" for one in alerts]
    title = f"告警通知:{len(alerts)} 条({body.get('status', '')})"
    drill = any((one.get("labels") or {}).get("status") != "Actual" for one in alerts)
    return Received("notice", str(body.get("receiver", "")), title, "\n".join(lines[:50]), "", key, drill, time.time())


def page(messages: list[Received]) -> str:
    """The inbox as a plain page, newest first; everything from outside is escaped."""
    rows = "".join(_row(message) for message in messages)
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>演练收件箱</title>'
        "<style>body{font:16px sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "li{border-top:1px solid #ccc;padding:.8rem 0}pre{white-space:pre-wrap;margin:.4rem 0}</style>"
        f"<h1>演练收件箱</h1><p>最近 {len(messages)} 条,只供演练和测试,不会发给任何真人。</p><ul>{rows}</ul></html>"
    )


def _row(message: Received) -> str:
    link = html.escape(message.link)
    shown = f'<a href="{link}">打开回执链接</a>' if message.link.startswith(("http://", "https://")) else ""
    head = f"{html.escape(message.to)} · {html.escape(message.channel)} · {html.escape(message.title)}"
    return f"<li><strong>{head}</strong><pre>{html.escape(message.text)}</pre>{shown}</li>"


def run_sink(host: str, http_port: int, smtp_port: int) -> None:
    """Serve until interrupted."""
    with Sink(host, http_port, smtp_port):
        threading.Event().wait()
