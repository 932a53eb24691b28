"""Run migrations as the owner of the database; the application connects with fewer rights."""

from __future__ import annotations

import click
import sqlalchemy as sa
from alembic import context
from flask import current_app

db = current_app.extensions["migrate"].db


def include_name(name: str | None, type_: str, parent_names: object) -> bool:
    """The ledger's schema is written by hand in SQL, not by models."""
    return not (type_ == "schema" and name == "ledger")


def run_migrations_online() -> None:
    engine = sa.create_engine(current_app.config["OWNER_DATABASE_URL"], poolclass=sa.NullPool)
    try:
        opened = engine.connect()
    except sa.exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise click.ClickException(f"the database does not answer: {reason}") from error
    with opened as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            include_name=include_name,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run_migrations_online()
