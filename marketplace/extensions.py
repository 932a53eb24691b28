"""The Flask extensions and the declarative base. Imports nothing of ours."""

from __future__ import annotations

from datetime import datetime

from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import BigInteger, DateTime, MetaData, String
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


db = SQLAlchemy(model_class=Base)
migrate = Migrate(compare_type=True)
csrf = CSRFProtect()
login_manager = LoginManager()
babel = Babel()
