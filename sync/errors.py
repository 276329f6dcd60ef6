"""Failures that end an operation; each message is a sentence for the person at the screen."""


class SyncError(Exception):
    """Any failure of sync that a person can act on."""


class UnreadableWorkbook(SyncError):
    """The file cannot be read as a workbook or CSV, or exceeds a limit."""


class UnknownField(SyncError):
    """A mapping or an option names a field that does not exist."""


class WithheldField(UnknownField):
    """A field that workbooks do not show and imports do not write; the message is its label."""


class UnseenField(WithheldField):
    """A field that the importer may not see; the message is its label."""


class StalePlan(SyncError):
    """What was approved no longer holds; a new plan has to be looked at."""
