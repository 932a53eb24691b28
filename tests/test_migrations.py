"""Migrations and models say the same, and every migration goes both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from marketplace import create_app
from marketplace.database.embedded import EmbeddedServer
from marketplace.extensions import db
from tests.harness import Ports, settings_for_tests


@pytest.fixture
def scratch(server: EmbeddedServer, ports: Ports, worker_id: str) -> Iterator[Flask]:
    """The application on an empty database of its own."""
    name = f"migrations_{worker_id}"
    admin = sa.create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.ensure_database(name)
    app = create_app(settings_for_tests(server.url(name), ports))
    with app.app_context():
        yield app
        db.engine.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


def _differences(app: Flask) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(app.config["OWNER_DATABASE_URL"])
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = list(compare_metadata(context, db.metadata))
    engine.dispose()
    return found


def test_after_all_migrations_the_schema_is_what_the_models_say(scratch: Flask) -> None:
    flask_migrate.upgrade()

    assert _differences(scratch) == []


def test_a_model_without_its_migration_is_noticed(scratch: Flask) -> None:
    flask_migrate.upgrade()
    table = sa.Table("forgotten", db.metadata, sa.Column("id", sa.BigInteger, primary_key=True))
    try:
        assert [difference[0] for difference in _differences(scratch)] == ["add_table"]
    finally:
        db.metadata.remove(table)


def test_every_migration_can_be_undone_and_done_again(scratch: Flask) -> None:
    flask_migrate.upgrade()
    flask_migrate.downgrade(revision="base")
    flask_migrate.upgrade()

    assert _differences(scratch) == []
