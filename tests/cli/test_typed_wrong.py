"""What is typed wrong in a command is refused in words; nothing is made of it."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.extensions import db
from marketplace.parties.user import User
from tests.within import within

__all__ = ["within"]

CREATE = ("users", "create-operator", "--password", "correct horse battery")


def people() -> int:
    return db.session.scalars(select(func.count()).select_from(User)).one()


@pytest.mark.parametrize(
    ("email", "name", "problem"),
    [
        ("olga", "Olga", "email: This is not a mail address"),
        ("ol ga@example.com", "Olga", "email: This is not a mail address"),
        ("olga@example.com\nBcc: x@example.com", "Olga", "email: This contains characters"),
        ("o" * 300 + "@example.com", "Olga", "email: At most 254 characters."),
        ("olga@example.com", " ", "name: Please fill this in."),
        ("olga@example.com", "O" * 101, "name: At most 100 characters."),
    ],
)
def test_an_operator_needs_a_mail_address_and_a_name(
    app: Flask, email: str, name: str, problem: str
) -> None:
    before = people()

    refused = app.test_cli_runner().invoke(args=[*CREATE, email, "--name", name])

    assert refused.exit_code == 1
    assert f"Error: {problem}" in refused.output
    assert people() == before


def test_an_operator_is_made_once(app: Flask) -> None:
    for email in ("olga@example.com", " Olga@Example.com"):
        made = app.test_cli_runner().invoke(args=[*CREATE, email, "--name", "Olga"])
        assert made.output == "olga@example.com is an operator\n"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("webhooks list --state lost", "'lost' is not one of 'new', 'retry'"),
        ("processors list --state lost", "'lost' is not one of 'ready', 'sent'"),
        ("webhooks catch-up --hours 99999999999", "99999999999 is not in the range 1<=x<=720"),
        ("webhooks catch-up --hours 0", "0 is not in the range 1<=x<=720"),
    ],
)
def test_what_there_is_not_is_refused_naming_what_there_is(
    app: Flask, command: str, problem: str
) -> None:
    refused = app.test_cli_runner().invoke(args=command.split())

    assert refused.exit_code == 2
    assert problem in refused.output
