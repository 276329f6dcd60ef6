"""Commands whose failures are sentences on standard error, whatever it is that fails."""

from __future__ import annotations

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
