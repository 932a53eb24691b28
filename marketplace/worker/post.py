"""One mail, handed to the SMTP server if there is one."""

from __future__ import annotations

import smtplib
from datetime import datetime, timedelta

from flask import current_app

from marketplace import clock
from marketplace.config import Settings
from marketplace.database.lock import lock, lock_next
from marketplace.extensions import db
from marketplace.notifications import mail as mails
from marketplace.notifications.mail import Mail

LEASE = timedelta(seconds=90)  # longer than an SMTP server may take


def deliver_next(at: datetime) -> bool:
    """Send the mail that has waited longest; False if none is due, or nobody takes our mail.

    A crash after the server took it sends it twice: mail is at least once.
    """
    settings: Settings = current_app.extensions["settings"]
    if settings.smtp_url is None:
        return False
    wall_at = clock.wall_now()
    due = lock_next(
        Mail, Mail.state == "queued", Mail.next_try_at <= wall_at, order_by=Mail.next_try_at
    )
    if due is None:
        return False
    due.next_try_at = wall_at + LEASE
    id, to, subject, body = due.id, due.to, due.subject, due.body
    db.session.commit()
    try:
        mails.deliver(settings.mail_from, settings.smtp_url, to, subject, body)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        failure: str | None = f"{type(error).__name__}: {error}"
    else:
        failure = None
    mail = lock(Mail, id)
    if mail is not None and failure is None:
        mails.sent(mail)
    elif mail is not None and failure is not None:
        mails.failed(mail, failure, clock.wall_now())
    db.session.commit()
    return True
