"""A log-in as a row: what the cookie names, and what can be revoked at once."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from flask_login import UserMixin
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.extensions import Base, db
from marketplace.parties.user import User

LIFETIME = timedelta(days=30)


class LoginSession(Base, UserMixin):
    """One log-in of one person in one browser; Flask-Login's user object is this row."""

    __tablename__ = "login_session"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined")


def begin(user: User, wall_at: datetime) -> LoginSession:
    """Log a person in. Sessions live on wall time: the demo clock does not log anybody out."""
    session = LoginSession(
        id=secrets.token_urlsafe(32),
        user=user,
        created_at=wall_at,
        expires_at=wall_at + LIFETIME,
    )
    db.session.add(session)
    db.session.flush()
    return session


def living(session_id: str, wall_at: datetime) -> LoginSession | None:
    """The session of this id, unless it is over."""
    session = db.session.get(LoginSession, session_id)
    if session is None or session.revoked_at is not None or session.expires_at <= wall_at:
        return None
    return session


def revoke(session: LoginSession, wall_at: datetime) -> None:
    """Log out: the cookie that names this row is worth nothing from now on."""
    session.revoked_at = wall_at
