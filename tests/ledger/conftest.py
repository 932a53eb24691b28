"""The books, open, and nothing above them: causes here name no row of any other package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from marketplace.database.check import run
from marketplace.extensions import db
from marketplace.ledger.invariants import CHECKS


@pytest.fixture
def books(app: Flask, broken_on_purpose: None) -> Iterator[Flask]:
    """An application context in which to post; what the test does not commit is undone.

    The checks of other packages miss the rows that postings are made for; those of the books hold.
    """
    with app.app_context():
        yield app
        db.session.rollback()
        assert [found for found in run(CHECKS, db.session.connection()) if found.rows] == []
        db.session.rollback()
