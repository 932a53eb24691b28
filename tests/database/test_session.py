"""A session keeps its connection over commits, and gives it back when it is removed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from marketplace.extensions import db


@pytest.fixture(autouse=True)
def _in_application(app: Flask, database_url: str) -> Any:
    with app.app_context():
        db.session.remove()
        yield
        db.session.remove()


def _backend() -> int:
    backend: int = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return backend


def _taken() -> int:
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


def test_a_session_takes_no_connection_until_it_needs_one_and_keeps_it_over_commits() -> None:
    before = _taken()
    db.session()
    assert _taken() == before
    first = _backend()
    db.session.commit()
    assert _taken() == before + 1
    assert _backend() == first


def test_after_a_commit_no_transaction_is_open_on_the_kept_connection(
    owner: psycopg.Connection[Any],
) -> None:
    kept = _backend()
    db.session.commit()
    state = owner.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", [kept]).fetchone()
    assert state == ("idle",)


def test_a_removed_session_gives_its_connection_back_and_undoes_what_was_not_committed() -> None:
    before = _taken()
    db.session.execute(text("CREATE TEMPORARY TABLE half_done (n int)"))
    db.session.remove()
    assert _taken() == before
    assert db.session.scalar(select(text("to_regclass('half_done')"))) is None


def test_a_connection_that_the_server_ended_is_replaced_after_a_rollback(
    owner: psycopg.Connection[Any],
) -> None:
    lost = _backend()
    db.session.commit()
    owner.execute("SELECT pg_terminate_backend(%s, 5000)", [lost])
    with pytest.raises(OperationalError):
        _backend()
    db.session.rollback()
    assert _backend() != lost
