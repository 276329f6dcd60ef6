"""What a sheet can ask to be done with a whole row."""

from __future__ import annotations

from sync.columns import ACTION_KEY
from sync.fields import Field, Option
from sync.words import later

DELETE = "delete"
ACTION = Field(
    ACTION_KEY,
    "Action",
    "select",
    options=(Option(DELETE, DELETE),),
    help=later("Choose delete to have this row's record deleted. Leave it blank otherwise."),
)
"""What is to be done with a whole row: the last column of a sheet whose reader may ask for that."""
