"""The words of the interface, for translators: ``python -m panel.translate`` writes the template of all messages.

With a locale, as in ``python -m panel.translate cs``, it also makes or updates that locale's catalogue and compiles it.
The template has no dates, paths and line numbers: it changes when a message does.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from panel.settings import PROJECT, TRANSLATIONS

TEMPLATE = TRANSLATIONS / "messages.pot"
_HEADER = '# Messages of Rollbook. Written by: python -m panel.translate\nmsgid ""\nmsgstr ""\n{}\n'
_HEADERS = (
    '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
)
_PLURAL = (1, 2)
_PANEL: Mapping[str, tuple[int, ...] | None] = {
    "_": None, "_l": None, "gettext": None, "lazy_gettext": None, "later": None,
    "ngettext": _PLURAL, "lazy_ngettext": _PLURAL, "count": (2, 3),
}  # fmt: skip
# A folder, how its files are read, and the functions whose arguments are messages.
_SYNC: Mapping[str, tuple[int, ...] | None] = {"say": None, "later": None}
_SOURCES = (
    ("panel", [("**.py", "python")], _PANEL),
    ("templates", [("**.html", "jinja2")], _PANEL),
    ("sync", [("**.py", "python")], _SYNC),
)


def messages() -> Iterator[str | tuple[str, ...]]:
    """Yield each message of the panel and of sync; one with a plural is a pair."""
    for folder, methods, keywords in _SOURCES:
        found = extract_from_dir(PROJECT / folder, methods, {"**.html": {"silent": "false"}}, keywords, callback=None)
        for _path, _line, message, _comments, _context in found:
            yield message if isinstance(message, str) else tuple(message)


def template() -> str:
    """Return the template of all messages, sorted."""
    catalog = Catalog()
    for message in messages():
        catalog.add(message)
    return _HEADER.format(_HEADERS) + _written(catalog, omit_header=True)


def update(name: str) -> Path:
    """Make or update a locale's catalogue from the template, compile it, and return it."""
    locale = Locale.parse(name)
    path = TRANSLATIONS / str(locale) / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog = Catalog(locale)
    if path.exists():
        with path.open("rb") as file:
            catalog = read_po(file, locale)
    catalog.update(read_po(io.StringIO(template())))
    path.write_text(_written(catalog), "utf-8")
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)
    return path


def _written(catalog: Catalog, omit_header: bool = False) -> str:
    text = io.BytesIO()
    write_po(text, catalog, width=120, no_location=True, omit_header=omit_header, sort_output=True)
    return text.getvalue().decode("utf-8")


if __name__ == "__main__":
    TEMPLATE.write_text(template(), "utf-8")
    for wanted in sys.argv[1:]:
        update(wanted)
