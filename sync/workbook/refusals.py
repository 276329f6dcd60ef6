"""The sentences that a person gets about a file that cannot be read."""

from __future__ import annotations

from sync.errors import UnreadableWorkbook

SAVE_AS = "Save it as .xlsx (Excel workbook) and upload that file."


def refused(why: str) -> UnreadableWorkbook:
    """Return the refusal of a file that a spreadsheet program can turn into one that is taken."""
    return UnreadableWorkbook(f"{why} {SAVE_AS}")


def damaged(what: str = "The file") -> UnreadableWorkbook:
    """Return the refusal of a file whose content contradicts itself."""
    return UnreadableWorkbook(
        f"{what} is damaged. Open it in your spreadsheet program, save it as .xlsx and try again."
    )


def unsafe(what: str) -> UnreadableWorkbook:
    """Return the refusal of a file that no spreadsheet program writes."""
    return UnreadableWorkbook(f"The file holds {what}, which no workbook needs, so it was not read.")


def open_quote(row: int) -> UnreadableWorkbook:
    """Return the refusal of a CSV file in which a quoted text would swallow the rows that follow."""
    return UnreadableWorkbook(
        f"The quoted text that begins in row {row:,} of the CSV file has no clear end, so the rows after it cannot be"
        ' told from it. Put a quotation mark (") at its end or take off the one at its beginning, and try again.'
    )


def over_limit(what: str, limit: int) -> UnreadableWorkbook:
    """Return the refusal of a file with too much of something."""
    return UnreadableWorkbook(
        f"The file has more than {limit:,} {what}, the most that is allowed. Split it and try again."
    )


def too_large(what: str, limit: int) -> UnreadableWorkbook:
    """Return the refusal of a file that is larger than `limit` bytes."""
    return UnreadableWorkbook(f"{what} is larger than {limit // 1024**2:,} MB, the most that is allowed.")
