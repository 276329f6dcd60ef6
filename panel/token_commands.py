"""The command line's part of API tokens."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from panel.api.tokens import add_token, revoke, token_named
from panel.audit import plain
from panel.authors import COMMAND_LINE
from panel.commands import ensure_ready, fail
from panel.database import writing
from panel.extensions import db
from panel.models import ApiToken, Partner
from panel.spoken import Spoken

tokens = AppGroup("token", help="Make, revoke and list API tokens, with which other programs ask.")


@tokens.command("add", cls=Spoken)
@click.argument("name")
@click.option("--passwords", is_flag=True, help="it may ask for customers' passwords, as a RADIUS server has to")
@click.option("--partner", "partner_name", default="", metavar="NAME", help="it finds this partner's customers only")
def add(name: str, passwords: bool, partner_name: str) -> None:
    """Make a token, and print it for the only time."""
    ensure_ready()
    if not plain(name):
        fail("A token needs a name.", 1)
    with writing():
        partner_id = _partner(partner_name) if partner_name else None
        _token, text = add_token(plain(name), passwords=passwords, partner_id=partner_id, by=COMMAND_LINE.name)
    click.echo("This token is shown here and never again:", err=True)
    click.echo(text)


def _partner(name: str) -> int:
    in_use = select(Partner).where(Partner.merged_into.is_(None)).order_by(Partner.name)
    found = {partner.name.casefold(): partner.id for partner in db.session.scalars(in_use)}
    if name.strip().casefold() not in found:
        names = ", ".join(partner.name for partner in db.session.scalars(in_use))
        fail(f"There is no partner {name}. The partners are: {names}.", 1)
    return found[name.strip().casefold()]


@tokens.command("revoke", cls=Spoken)
@click.argument("name")
def revoke_(name: str) -> None:
    """Let a token open nothing any more."""
    ensure_ready()
    with writing():
        token = token_named(name)
        if token is None:
            fail(f"There is no token {name}. flask --app run token list says which there are.", 1)
        if token.revoked_at is not None:
            fail(f"{token} is revoked already.", 1)
        revoke(token)
        said = f"{token} was revoked."
    click.echo(said)


@tokens.command("list", cls=Spoken)
def list_() -> None:
    """List the tokens, those that are good first; none of their secrets is known here."""
    ensure_ready()
    query = select(ApiToken, Partner.name).outerjoin(Partner, Partner.id == ApiToken.partner_id)
    for token, partner in db.session.execute(query.order_by(ApiToken.revoked_at.is_not(None), ApiToken.name)):
        click.echo(" · ".join(filter(None, _told(token, partner))))


def _told(token: ApiToken, partner: str | None) -> tuple[str, ...]:
    return (
        token.name,
        "may ask for passwords" if token.passwords else "",
        f"customers of {partner}" if partner else "",
        f"made {token.at:%Y-%m-%d} by {token.by}",
        f"last used {token.used_on}" if token.used_on else "never used",
        f"revoked {token.revoked_at:%Y-%m-%d}" if token.revoked_at else "",
    )


def register(app: Flask) -> None:
    """Add the commands to the application."""
    app.cli.add_command(tokens)
