"""`flask users …`: operators are made by command, never by a page."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from marshmallow import ValidationError

from marketplace import clock
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.parties import user as people
from marketplace.schemas.auth import Person


@click.group()
def users() -> None:
    """People who log in."""


@users.command("create-operator")
@click.argument("email")
@click.option("--name", required=True, help="How the trace of decisions names them.")
@click.password_option(help="At least 10 characters; asked for when it is not given.")
@with_appcontext
def create_operator(email: str, name: str, password: str) -> None:
    """Add an operator, or make the person who has this address one."""
    try:
        read = Person().load({"email": email, "name": name})
        person = people.by_email(read["email"])
        if person is None:
            person = people.register(read["email"], read["name"], password, clock.now())
    except ValidationError as error:
        raise click.ClickException(_said(error.messages_dict)) from error
    except BadInput as error:
        raise click.ClickException("; ".join(error.fields.values())) from error
    person.confirm(clock.now())
    person.is_operator = True
    db.session.commit()
    click.echo(f"{person.email} is an operator")


def _said(problems: dict[str, list[str]]) -> str:
    return "; ".join(f"{field}: {sentences[0]}" for field, sentences in problems.items())
