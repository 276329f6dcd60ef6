"""Workbooks written as a stream: rows go straight into the parts of a frame that openpyxl has built."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import BufferedWriter, RawIOBase
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, Protocol, TypeVar

from sync.collecting import collecting_seldom
from sync.errors import SyncError
from sync.words import later, say
from sync.workbook.frame import Frame, Page, build_frame
from sync.workbook.layout import (
    KEY_ROW,
    LABEL_ROW,
    MOST_ROWS,
    SPARE_ROWS,
    UNKNOWN_LAST_ROW,
    Columns,
    Rows,
    Sheet,
)
from sync.workbook.limits import GRID_ROWS
from sync.workbook.shared_text import SharedText
from sync.workbook.sheet_xml import RowWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

COMPRESSION = 2
"""Rows repeat themselves so much that higher levels cost time and save little."""
BUFFER, COPIED = 1 << 16, 1 << 20
"""Bytes: what is smaller is packed together with what follows, and texts are copied so many at a time."""
ROWS_AT_ONCE = 1_000
FIRST_PART, STRINGS_PART, BOOK_PART = "[Content_Types].xml", "xl/sharedStrings.xml", "xl/workbook.xml"
_STRINGS_START = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="{count}">'
)
_OFFICE = "application/vnd.openxmlformats-officedocument"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# openpyxl writes texts inside their cells, so its workbooks have no such part.
_STRINGS_ENTRIES = {
    FIRST_PART: (
        "</Types>",
        f'<Override PartName="/{STRINGS_PART}" ContentType="{_OFFICE}.spreadsheetml.sharedStrings+xml"/></Types>',
    ),
    "xl/_rels/workbook.xml.rels": (
        "</Relationships>",
        f'<Relationship Id="strings" Target="sharedStrings.xml" Type="{_RELATION}/sharedStrings"/></Relationships>',
    ),
}
_DIMENSION = re.compile(r"<dimension [^>]*/>")
_NO_ROWS = re.compile(r"<sheetData\s*/>|<sheetData>\s*</sheetData>")
_FILTERED = re.compile(rf'(<autoFilter ref="\w+:[A-Z]+|_FilterDatabase"[^>]*>[^<]*\$){UNKNOWN_LAST_ROW}\b')
_RULED = re.compile(rf'( sqref="[A-Z]+\d+:[A-Z]+){UNKNOWN_LAST_ROW}"')
TOO_MANY = later("A sheet holds at most %(most)s customers. Narrow the export down, or write a .csv file.")
Numbered = Iterable[tuple[int, str]]
"""Rows as markup, some at a time, with the number of the last of them."""
Below = Callable[[int], Numbered]
"""Yields the rows that follow the one with a number."""


class Paged(Protocol):
    """A frame of any kind: what goes on the sheets beside the data."""

    @property
    def pages(self) -> Sequence[Page]:
        """Return the other sheets in their order."""


_Frame = TypeVar("_Frame", bound=Paged)


def nothing(_last: int) -> Numbered:
    """Yield no rows below the data."""
    return ()


def write_workbook(path: Path, sheet: Sheet, rows: Rows) -> None:
    """Write a workbook; each row is (token, id, a cell for each field).

    The rows are walked once. The file appears when it is complete, or not at all.
    """
    write_columns(path, sheet, _in_columns(rows))


def _in_columns(rows: Rows) -> Iterator[Columns]:
    rows = iter(rows)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        yield list(zip(*some, strict=True))


def write_columns(path: Path, sheet: Sheet, columns: Iterable[Columns]) -> None:
    """Write a workbook as `write_workbook` does, of rows that come some at a time, column by column."""
    write_frame(
        path,
        lambda empty: build_frame(sheet, empty),
        lambda frame, strings: (_data_rows(frame, sheet, columns, strings), _blank_rows(frame, sheet, strings)),
    )


UNFINISHED = "rollbook-unfinished-"
"""What the names of folders begin with in which a process that was killed may have left parts of a workbook."""


def write_frame(
    path: Path,
    build: Callable[[Path], _Frame],
    data: Callable[[_Frame, SharedText], tuple[Numbered, Below]],
) -> None:
    """Write a workbook around the rows of its first sheet, which `data` returns with what stands below them.

    `build` saves the frame where it is told to.
    """
    with replacing(path) as unfinished, tempfile.TemporaryDirectory(prefix=UNFINISHED) as folder:
        empty = Path(folder, "frame.xlsx")
        frame = build(empty)
        with (
            zipfile.ZipFile(empty) as source,
            zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as target,
            collecting_seldom(),
        ):
            _Filling(source, target, Path(folder, "strings")).fill(frame.pages, lambda strings: data(frame, strings))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file beside `path` that takes its place if all goes well, and is removed otherwise."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=".part", dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        unfinished.replace(path)
    except BaseException:  # an interrupted write leaves nothing behind either
        unfinished.unlink(missing_ok=True)
        raise


class _Filling:
    """A frame being copied part by part, with rows put where it has none."""

    def __init__(self, source: zipfile.ZipFile, target: zipfile.ZipFile, items: Path) -> None:
        self._source, self._target, self._items = source, target, items

    def fill(self, pages: Sequence[Page], data: Callable[[SharedText], tuple[Numbered, Below]]) -> None:
        """Write all parts; what depends on the rows comes after them."""
        self._copy(FIRST_PART)
        with self._items.open("wb") as items:
            strings = SharedText(items)
            last = self._fill_sheet(1, *data(strings))
            for number, page in enumerate(pages, 2):
                self._fill_sheet(number, _page_rows(page, strings))
        self._put_strings(strings.count)
        self._put(BOOK_PART, _FILTERED.sub(rf"\g<1>{last}", self._text(BOOK_PART)))
        for name in sorted(set(self._source.namelist()) - set(self._target.namelist())):
            self._copy(name)

    def _fill_sheet(self, number: int, rows: Numbered, below: Below = nothing) -> int:
        """Write a sheet's part, with what stands below its rows, and return the number of its last row.

        Rows come some at a time, with the number of the last of them.
        """
        name, last = f"xl/worksheets/sheet{number}.xml", LABEL_ROW
        head, tail = _NO_ROWS.split(_DIMENSION.sub("", self._text(name)))
        with self._part(name) as part:
            part.write(f"{head}<sheetData>".encode())
            for number_of_row, some in rows:
                part.write(some.encode())
                last = number_of_row
            end = last
            for number_of_row, row in below(last):
                part.write(row.encode())
                end = number_of_row
            part.write(f"</sheetData>{_bounded(tail, last, end)}".encode())
        return last

    def _put_strings(self, count: int) -> None:
        with self._part(STRINGS_PART) as part, self._items.open("rb") as items:
            part.write(_STRINGS_START.format(count=count).encode())
            copyfileobj(items, part, COPIED)
            part.write(b"</sst>")

    def _copy(self, name: str) -> None:
        text = self._text(name)
        if name in _STRINGS_ENTRIES and "sharedStrings" not in text:
            text = text.replace(*_STRINGS_ENTRIES[name])
        self._put(name, _relative(name, text) if name.endswith(".rels") else text)

    def _put(self, name: str, text: str) -> None:
        with self._part(name) as part:
            part.write(text.encode())

    @contextmanager
    def _part(self, name: str) -> Iterator[BufferedWriter[_Beside]]:
        with self._target.open(name, "w") as entry, BufferedWriter(_Beside(entry), BUFFER) as part:
            yield part

    def _text(self, name: str) -> str:
        return self._source.read(name).decode()


class _Beside(RawIOBase):
    """Packs what is written in a thread beside: zlib needs no lock of Python's, so both run at once."""

    def __init__(self, entry: IO[bytes]) -> None:
        self._entry, self._thread = entry, ThreadPoolExecutor(1)
        self._packing: Future[int] = self._thread.submit(int)

    def writable(self) -> bool:
        """Tell that this is for writing."""
        return True

    def write(self, chunk: Buffer) -> int:
        """Wait for the chunk before to be packed, which may raise what went wrong, and begin with this one."""
        self._packing.result()
        self._packing = self._thread.submit(self._entry.write, bytes(chunk))
        return memoryview(chunk).nbytes

    def close(self) -> None:
        """Wait for the last chunk."""
        if not self.closed:
            with self._thread:
                super().close()
                self._packing.result()


def _bounded(tail: str, last: int, end: int) -> str:
    """Return what follows the rows: the filter ends with the data, rules a little below the blank rows."""
    tail = _FILTERED.sub(rf"\g<1>{last}", tail)
    return _RULED.sub(rf'\g<1>{min(end + SPARE_ROWS, GRID_ROWS)}"', tail)


def _relative(name: str, text: str) -> str:
    """Return relationships with relative targets: exceljs fails on the absolute ones that openpyxl writes."""
    folder = name.partition("_rels/")[0]
    return text.replace(f'Target="/{folder}', 'Target="')


def _data_rows(
    frame: Frame, sheet: Sheet, columns: Iterable[Columns], strings: SharedText
) -> Iterator[tuple[int, str]]:
    keys = RowWriter([frame.keys] * len(sheet.keys), strings)
    yield KEY_ROW, keys.rows(KEY_ROW, [(key,) for key in sheet.keys], ' hidden="1"')
    yield LABEL_ROW, RowWriter(frame.labels, strings).rows(LABEL_ROW, [(label,) for label in sheet.labels])
    data, last = RowWriter(frame.columns, strings), LABEL_ROW
    for some in columns:
        first, last = last + 1, last + len(some[0])
        if last > GRID_ROWS:
            raise SyncError(say(TOO_MANY, most=f"{MOST_ROWS:,}"))
        yield last, data.rows(first, some)


def _blank_rows(frame: Frame, sheet: Sheet, strings: SharedText) -> Below:
    """Return what writes the rows for new records, as far as the grid has room for them below the data."""
    writer = RowWriter(frame.columns, strings)

    def rows(last: int) -> Iterator[tuple[int, str]]:
        for number, token in enumerate(sheet.blank[: GRID_ROWS - last], last + 1):
            yield number, writer.blank_row(number, token)

    return rows


def _page_rows(page: Page, strings: SharedText) -> Iterator[tuple[int, str]]:
    width = max(map(len, page.rows), default=0)
    if page.rows:
        yield len(page.rows), RowWriter([page.style] * width, strings).rows(1, list(zip(*page.rows, strict=True)))
