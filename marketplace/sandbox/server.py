"""A running sandbox: the web server, the courier and the file they share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from marketplace.sandbox.app import create_app
from marketplace.sandbox.courier import Courier, Http, Post
from marketplace.sandbox.settings import HOST, Settings
from marketplace.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class QuietHandler(WSGIRequestHandler):
    """Answers without a line per request: the courier's and the callers' logs tell enough."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Server:
    """Serves until stopped; a port of 0 picks a free one."""

    def __init__(
        self,
        settings: Settings,
        *,
        wrap: Callable[[WSGIApplication], WSGIApplication] = lambda app: app,
        post: Post | None = None,
    ) -> None:
        """`wrap` may watch every request and answer, `post` every event on its way out."""
        self.world = World(settings)
        self._http = Http()
        app = create_app(self.world)
        self._server = make_server(
            HOST, settings.port, wrap(app), threaded=True, request_handler=QuietHandler
        )
        self.url = self.world.url = f"http://{HOST}:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="sandbox-web", daemon=True
        )
        self._courier = Courier(self.world, post or self._http)

    def start(self) -> None:
        self._thread.start()
        self._courier.start()

    def stop(self) -> None:
        """Answer no more, tell no more, close the file."""
        self.world.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._courier.join()
        self._server.server_close()
        self._http.close()
        self.world.store.close()
