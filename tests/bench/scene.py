"""Where benches run: a PostgreSQL of their own with fsync on, and crews of clients."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import flask_migrate
from flask import Flask

from marketplace import create_app
from marketplace.config import REPOSITORY, free_port
from marketplace.database.embedded import EmbeddedServer
from tests.harness import Ports, open_folder, settings_for_tests

CLIENTS = 8


@dataclass(frozen=True)
class Scene:
    """One server for all benches of a run."""

    server: EmbeddedServer

    def app(self, database: str) -> Flask:
        """The application on a database of this server, made and migrated if it is missing."""
        self.server.ensure_database(database)
        ports = Ports(web=free_port(), sandbox=free_port())
        app = create_app(settings_for_tests(self.server.url(database), ports))
        with app.app_context():
            flask_migrate.upgrade()
        return app


@contextlib.contextmanager
def scene() -> Iterator[Scene]:
    """Start the server; it and its data are gone afterwards."""
    with open_folder("marketplace-bench-") as root, EmbeddedServer(root).running() as server:
        yield Scene(server)


class Crew:
    """Client processes that wait for the word: they read 'case amount' and answer with a number."""

    def __init__(self, command: Sequence[str], clients: int = CLIENTS) -> None:
        self.clients = [
            subprocess.Popen(
                [*command, str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=REPOSITORY,
            )
            for number in range(clients)
        ]

    def rate(self, case: str, seconds: float) -> float:
        """Let all clients work on one case at once; return what they do per second together."""
        self.begin(case, seconds)
        return self.end()

    def begin(self, case: str, amount: float) -> None:
        """Give all clients the word."""
        for client in self.clients:
            assert client.stdin
            client.stdin.write(f"{case} {amount}\n")
            client.stdin.flush()

    def end(self) -> float:
        """Wait for all of them; return the sum of their answers."""
        total = 0.0
        for client in self.clients:
            assert client.stdout
            total += float(client.stdout.readline())
        return total

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for client in self.clients:
            assert client.stdin
            client.stdin.close()
            client.wait()
            assert client.stdout
            client.stdout.close()
