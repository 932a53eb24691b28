"""The Flask extensions and the declarative base. Imports nothing of ours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf import CSRFProtect
from sqlalchemy import BigInteger, Connection, DateTime, MetaData, String
from sqlalchemy.orm import DeclarativeBase, registry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All our tables. An int is a bigint (32 bits end at 21 million in cents); a time is aware."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            int: BigInteger(),
            str: String(),
            datetime: DateTime(timezone=True),
        },
    )


class ConnectedSession(Session):
    """A session that keeps its connection from its first use until it is closed or removed.

    SQLAlchemy's own gives it back to the pool at each commit and takes one for each next
    transaction: a fifth of a posting's time in Python (docs/decisions.md 22). Flask removes the
    session at the end of a request, the worker after each unit.
    """

    _kept: Connection | None = None

    def get_bind(self, *what: Any, **about: Any) -> Connection:
        """The connection, taken from the pool when it is first asked for."""
        if self._kept is None:
            self._kept = self._db.engine.connect()
        return self._kept

    def close(self) -> None:
        """End what is under way and give the connection back."""
        kept, self._kept = self._kept, None
        try:
            super().close()
        finally:
            if kept is not None:
                kept.close()


db = SQLAlchemy(model_class=Base, session_options={"class_": ConnectedSession})
migrate = Migrate(compare_type=True)
csrf = CSRFProtect()
login_manager = LoginManager()
babel = Babel()
