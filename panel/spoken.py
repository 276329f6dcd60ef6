"""Commands whose failures are sentences on standard error, whatever it is that fails."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from sqlalchemy.exc import DBAPIError, OperationalError

from panel.database import in_words, is_clash
from panel.disk import FULL, is_full
from sync.errors import SyncError
from sync.words import say


class Spoken(click.Command):
    """A command that ends with a sentence and status 1 where the database or the disk fails, or a person has to act."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what was asked for; whoever asked for JSON gets an object, also where that cannot be understood."""
        asked = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "--json" in asked:
                click.echo(json.dumps({"error": error.format_message()}, ensure_ascii=False))
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SyncError as error:
            sentence = str(error)
        except DBAPIError as error:
            if not (is_clash(error) or isinstance(error, OperationalError)):
                raise
            sentence = str(in_words(error))
        except OSError as error:
            if not is_full(error):
                raise
            sentence = say(FULL)
        click.echo(sentence, err=True)
        sys.exit(1)
