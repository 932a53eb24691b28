"""A person who logs in. A membership makes them a brand's, a creator row a creator."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.database.identifier import new_id
from marketplace.errors import BadInput, says
from marketplace.extensions import Base, db

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 200

_hasher = PasswordHasher()
# Verified when nobody has the address, so that the answer takes as long as for a wrong password.
_NOBODY = _hasher.hash("nobody has this password")


class User(Base):
    """One person, by mail address. An operator works for the marketplace itself."""

    __tablename__ = "user"
    __table_args__ = (CheckConstraint("email = lower(email)", name="email_lower_case"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    locale: Mapped[str] = mapped_column(default="en")
    is_operator: Mapped[bool] = mapped_column(default=False)
    confirmed_at: Mapped[datetime | None]  # the mail address is theirs
    created_at: Mapped[datetime]

    def confirm(self, at: datetime) -> None:
        """The person showed that the mail address is theirs; a second time changes nothing."""
        self.confirmed_at = self.confirmed_at or at


def normalised(email: str) -> str:
    """The form in which an address is stored and compared."""
    return email.strip().lower()


def by_email(email: str) -> User | None:
    """The person with this address, in any case of letters."""
    return db.session.scalars(select(User).where(User.email == normalised(email))).one_or_none()


def register(email: str, name: str, password: str, at: datetime, locale: str = "en") -> User:
    """Add a person whose address is not confirmed yet.

    Raises:
        BadInput: somebody has this address, or the password is too short or too long.
    """
    return enroll(email, name, hashed(password), at, locale)


def hashed(password: str) -> str:
    """What is kept of a password.

    Raises:
        BadInput: it is too short or too long.
    """
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise BadInput(
            "password",
            {"password": says("at least %(least)s characters", least=PASSWORD_LENGTH_MIN)},
        )
    return _hasher.hash(password)


def enroll(email: str, name: str, password_hash: str, at: datetime, locale: str = "en") -> User:
    """Add a person by what is kept of their password.

    Raises:
        BadInput: somebody has this address.
    """
    if by_email(email) is not None:
        raise BadInput(
            "email", {"email": says("this address has an account already: log in instead")}
        )
    user = User(
        email=normalised(email),
        name=name.strip(),
        password_hash=password_hash,
        locale=locale,
        created_at=at,
    )
    db.session.add(user)
    db.session.flush()
    return user


def authenticate(email: str, password: str) -> User | None:
    """The person, if address and password belong together; else None, after the same time."""
    user = by_email(email)
    try:
        _hasher.verify(user.password_hash if user else _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return None
    return user
