"""`flask users …`: operators are made by command, never by a page."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from marketplace import clock
from marketplace.errors import BadInput
from marketplace.extensions import db
from marketplace.parties import user as people


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
    person = people.by_email(email)
    if person is None:
        if "@" not in email.strip("@"):
            raise click.BadParameter(f"{email!r} is not a mail address")
        try:
            person = people.register(email, name, password, clock.now())
        except BadInput as error:
            raise click.ClickException("; ".join(error.fields.values())) from error
    person.confirm(clock.now())
    person.is_operator = True
    db.session.commit()
    click.echo(f"{person.email} is an operator")
