"""Mail: handed to a real SMTP server, once it takes it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from marketplace import clock
from marketplace.extensions import db
from marketplace.notifications import mail as mails
from marketplace.notifications.mail import TRIES_MAX, Mail
from marketplace.worker import post


class SmtpServer:
    """Takes mail as SMTP servers do, or refuses it while `refuses`."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.refuses = False
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 ready")
                while line := self.rfile.readline().decode().strip():
                    verb = line.split()[0].upper()
                    if verb == "QUIT":
                        self.say("221 bye")
                        return
                    if verb == "MAIL" and server.refuses:
                        self.say("451 later")
                    elif verb == "DATA":
                        self.say("354 go on")
                        server.received.append(self.message())
                        self.say("250 taken")
                    else:
                        self.say("250 ok")

            def say(self, answer: str) -> None:
                self.wfile.write(answer.encode() + b"\r\n")

            def message(self) -> str:
                lines: list[str] = []
                while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(line)
                return "\n".join(lines)

        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.02,))
        self.url = f"smtp://127.0.0.1:{self._tcp.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._tcp.shutdown()
        self._thread.join()
        self._tcp.server_close()


@pytest.fixture
def smtp(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    server = SmtpServer()
    server.start()
    settings = replace(app.extensions["settings"], smtp_url=server.url)
    monkeypatch.setitem(app.extensions, "settings", settings)
    with app.app_context():
        yield server
        db.session.remove()
    server.stop()


def queued() -> Mail:
    mail = mails.write("ada@example.com", "Paid", "You were paid.", clock.now(), clock.wall_now())
    db.session.commit()
    return mail


def test_a_mail_is_sent_once(smtp: SmtpServer) -> None:
    mail = queued()
    assert post.deliver_next(clock.now())
    assert not post.deliver_next(clock.now())

    assert mail.state == "sent"
    (message,) = smtp.received
    assert "To: ada@example.com" in message
    assert "You were paid." in message


def test_a_mail_that_is_refused_is_tried_ever_later_and_parked_in_the_end(
    smtp: SmtpServer,
) -> None:
    smtp.refuses = True
    mail = queued()
    for tried in range(1, TRIES_MAX + 1):
        assert mail.state == "queued"
        assert post.deliver_next(clock.now())
        assert not post.deliver_next(clock.now())
        assert mail.tries == tried
        db.session.execute(text("UPDATE mail SET next_try_at = now() - interval '1 second'"))
        db.session.commit()

    assert mail.state == "parked"
    assert "451" in (mail.last_error or "")
    assert not post.deliver_next(clock.now())
    assert smtp.received == []


def test_a_mail_with_a_line_end_in_its_subject_harms_nobody(smtp: SmtpServer) -> None:
    mail = mails.write("a@example.com", "Hi\nBcc: all@example.com", "x", clock.now(), clock.now())
    db.session.commit()
    assert post.deliver_next(clock.now())
    assert mail.state == "queued"
    assert smtp.received == []
