"""Mail as an outbox row: written with what caused it, sent later by the worker.

queued ──sent──▶ sent        without SMTP_URL it stays queued and is read at /dev/mail
  │  ▲
retry (later each time)
  ▼  │
parked after TRIES_MAX, shown to operators
"""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.extensions import Base, db

TRIES_MAX = 10


class Mail(Base):
    """One message to one address."""

    __tablename__ = "mail"
    __table_args__ = (CheckConstraint("state IN ('queued', 'sent', 'parked')", name="state"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    to: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(index=True)  # wall time
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]  # domain time


def write(to: str, subject: str, body: str, at: datetime, wall_at: datetime) -> Mail:
    """Queue one message; it leaves once the caller has committed."""
    mail = Mail(to=to, subject=subject, body=body, created_at=at, next_try_at=wall_at)
    db.session.add(mail)
    return mail


def sent(mail: Mail) -> None:
    """The server took it."""
    mail.state, mail.last_error = "sent", None


def failed(mail: Mail, error: str, wall_at: datetime) -> None:
    """The server did not take it: later again, in the end never."""
    mail.tries += 1
    mail.last_error = error[:500]
    mail.next_try_at = wall_at + timedelta(seconds=min(30 * 4**mail.tries, 86_400))
    if mail.tries >= TRIES_MAX:
        mail.state = "parked"


def deliver(mail_from: str, smtp_url: str, to: str, subject: str, body: str) -> None:
    """Hand one message to the SMTP server.

    Raises:
        OSError, smtplib.SMTPException: it was not taken.
    """
    server = urlsplit(smtp_url)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail_from, to, subject
    message.set_content(body)
    with smtplib.SMTP(server.hostname or "localhost", server.port or 587, timeout=20) as smtp:
        if server.username:
            smtp.starttls()
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)
