"""A server that answers what it is told: for what a sandbox of Stripe's would never answer."""

from __future__ import annotations

import http.server
import json
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """One canned answer; `body` as it is, or as JSON if it is no text."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


class CannedServer:
    """Gives its one answer to every request, and remembers the requests."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        canned = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                canned.seen.append((self.command, self.path, dict(self.headers), body))
                self.send_response(canned.answer.status)
                for name, value in canned.answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(canned.answer.payload)))
                self.end_headers()
                self.wfile.write(canned.answer.payload)

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None: ...

        return Handler
