"""A real webhook receiver for tests: keeps what it is sent, and can be away or refuse."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook:
    """`posts`: (Idempotency-Key, body) of every message it took. `refuse`: answer 503 instead."""

    def __init__(self, port: int = 0) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.refused = 0
        self.refuse = False
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 30

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.refuse:
                    hook.refused += 1
                else:
                    hook.posts.append((self.headers["Idempotency-Key"], json.loads(raw)))
                self.send_response(503 if hook.refuse else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Hook":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def told(self) -> list[tuple[str, list[str], list[str]]]:
        """(status, names firing, names resolved) of each message."""
        return [(body["status"], names(body, "firing"), names(body, "resolved")) for _, body in list(self.posts)]

    def firing(self) -> set[str]:
        return {name for _, firing, _ in self.told() for name in firing}


def names(body: dict[str, Any], status: str) -> list[str]:
    return sorted(one["labels"]["alertname"] for one in body["alerts"] if one["status"] == status)
