"""`flask payouts check-files` opens each file, and says which is not what it should be."""

from __future__ import annotations

from typing import Any

import psycopg
from flask import Flask

from marketplace.extensions import db
from tests.make import fund_bank
from tests.payouts.test_bank_file import eur, owed, run_for
from tests.within import within

__all__ = ["within"]


def test_each_file_is_opened_and_a_changed_one_is_named(
    app: Flask, owner: psycopg.Connection[Any], broken_on_purpose: None
) -> None:
    fund_bank(eur(100_000))
    run_for(owed())
    db.session.remove()
    done = app.test_cli_runner().invoke(args=["payouts", "check-files"])
    assert (done.exit_code, done.output) == (0, "1 files, 0 faults\n")
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE bank_file SET total_minor = total_minor + 1")
    owner.commit()
    broken = app.test_cli_runner().invoke(args=["payouts", "check-files"])
    assert broken.exit_code == 1
    assert "its sums are not those that were kept" in broken.output
