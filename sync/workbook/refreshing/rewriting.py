"""A workbook written anew as an order says: the sheet of ours patched, texts and styles added, the rest copied."""

from __future__ import annotations

import posixpath
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from shutil import copyfileobj
from typing import IO

from sync.workbook.archive import Archive, open_archive
from sync.workbook.limits import Limits
from sync.workbook.parts import CONTENT_TYPES, Contents, SheetPart, read_contents
from sync.workbook.refreshing import book
from sync.workbook.refreshing.links import formulas_of, refuse_links
from sync.workbook.refreshing.orders import Order, Patches
from sync.workbook.refreshing.rules import LISTS, Rules
from sync.workbook.refreshing.sheets import SheetCopy, Writing
from sync.workbook.refreshing.small_sheets import first_free_column, with_lists, with_rows
from sync.workbook.refreshing.styles import Styles
from sync.workbook.refreshing.texts import AddedTexts, count_texts
from sync.workbook.refusals import damaged
from sync.workbook.table import SEARCHED

MANIFEST = "_manifest"
COMPRESSION = 3
_PROPERTIES = ("docprops/core.xml", "docprops/custom.xml")
_NEW_TABLE = "xl/sharedStrings.xml"
Write = Callable[[IO[bytes]], None]


def rewrite(path: Path, out: IO[bytes], lines: IO[bytes], limits: Limits) -> None:
    """Write the workbook at `path` to `out` as the order and rows in `lines` say.

    Raises `UnreadableWorkbook`.
    """
    with open_archive(path, limits) as archive:
        contents = read_contents(archive, limits)
        refuse_links(archive, limits)
        order = Order.from_line(lines.readline())
        changed = _Rewriting(archive, contents, order, limits).changed(Patches(lines, SEARCHED))
        _write(archive, changed, out)


class _Rewriting:
    """The parts of one workbook that change, by their names in lower case."""

    def __init__(self, archive: Archive, contents: Contents, order: Order, limits: Limits) -> None:
        self._archive, self._contents, self._order, self._limits = archive, contents, order, limits
        table = contents.strings
        count, prefix = count_texts(archive.chunks(table), limits) if table else (0, "")
        styles = Styles(self._whole(contents.styles), limits) if contents.styles else None
        texts = AddedTexts(count, prefix)
        self._texts, self._styles = texts, styles
        self._writing = Writing(texts, styles, dict(order.formats), contents.epoch_1904)
        self._changed: dict[str, Write] = {}

    def changed(self, patches: Patches) -> dict[str, Write]:
        """Return what writes each part that changes."""
        lists, manifest = self._sheet(LISTS), self._sheet(MANIFEST)
        free = first_free_column(self._whole(lists.part), self._limits) if lists else None
        rules = Rules(self._order.choices, free)
        copy = self._patch_sheet(patches, rules)
        plain = Writing(self._texts, None, {})
        if lists and rules.rows:
            self._put(lists.part, with_lists(self._whole(lists.part), rules.rows, plain, self._limits))
        if manifest and self._order.manifest:
            content = self._whole(manifest.part)
            self._put(manifest.part, with_rows(content, self._order.manifest, plain, self._limits))
        if any([copy.has_formulas, *self._drop_results()]):
            content = book.with_full_calculation(self._whole(self._contents.book), self._limits)
            self._put(self._contents.book, content)
        self._register(copy)
        self._put_tables()
        for name in _PROPERTIES:
            if name in self._archive:
                self._put(name, book.with_reference(self._whole(name), self._order.ref))
        return self._changed

    def _patch_sheet(self, patches: Patches, rules: Rules) -> SheetCopy:
        sheet = self._sheet(self._order.sheet)
        if sheet is None:
            raise damaged()
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        copy = SheetCopy(file, patches, self._writing, self._order.own, rules)
        for _ in copy.copy(self._archive.chunks(sheet.part), self._limits):
            pass
        if not patches.is_used_up:
            raise damaged("The order of the sheet's rows")
        self._changed[sheet.part.casefold()] = _from_file(file)
        return copy

    def _drop_results(self) -> Iterator[bool]:
        """Copy the other sheets whose formulas look beyond them without results; tell of each if it has formulas."""
        names = book.names_of(self._whole(self._contents.book), self._limits)
        for sheet in self._contents.sheets:
            if sheet.part.casefold() in self._changed:
                continue
            has_formulas, looks_beyond = formulas_of(self._archive.chunks(sheet.part), names, self._limits)
            if looks_beyond:
                self._changed[sheet.part.casefold()] = self._without_results(sheet)
            yield has_formulas

    def _without_results(self, sheet: SheetPart) -> Write:
        def write(out: IO[bytes]) -> None:
            copy = SheetCopy(out, Patches(iter(()), 0), self._writing, ())
            for _ in copy.copy(self._archive.chunks(sheet.part), self._limits):
                pass

        return write

    def _register(self, copy: SheetCopy) -> None:
        """Take the order of calculation out where formulas went, and name a table of texts that is new."""
        chain = self._contents.chain if copy.dropped_formulas else None
        added = None if self._contents.strings else _NEW_TABLE
        if not (chain or added):
            return
        folder, name = posixpath.split(self._contents.book)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        limits, kind = self._limits, "/calcChain" if chain else None
        self._put(CONTENT_TYPES, book.with_types(self._whole(CONTENT_TYPES), chain, added, limits))
        self._put(relations, book.with_relations(self._whole(relations), kind, added, limits))
        if chain:
            self._changed[chain.casefold()] = _nothing
        if added:
            namespace = book.namespace_of(self._whole(relations))
            self._changed[added.casefold()] = lambda out: self._texts.new_table(namespace, out)

    def _put_tables(self) -> None:
        strings, styles = self._contents.strings, self._styles
        if strings and not self._texts.is_empty:
            self._changed[strings.casefold()] = self._write_texts
        if self._contents.styles and styles and not styles.is_unchanged:
            self._put(self._contents.styles, styles.content())

    def _write_texts(self, out: IO[bytes]) -> None:
        for _ in self._texts.copy(self._archive.chunks(self._contents.strings or ""), out, self._limits):
            pass

    def _sheet(self, name: str) -> SheetPart | None:
        return next((sheet for sheet in self._contents.sheets if sheet.name == name), None)

    def _whole(self, part: str) -> bytes:
        return b"".join(self._archive.chunks(part))

    def _put(self, part: str, content: bytes) -> None:
        self._changed[part.casefold()] = lambda out: _write_whole(out, content)


def _write_whole(out: IO[bytes], content: bytes) -> None:
    out.write(content)


def _nothing(_out: IO[bytes]) -> None:
    raise AssertionError


def _from_file(file: IO[bytes]) -> Write:
    def write(out: IO[bytes]) -> None:
        file.seek(0)
        copyfileobj(file, out, 1 << 20)

    return write


def _write(archive: Archive, changed: dict[str, Write], out: IO[bytes]) -> None:
    """Write all parts in the order in which they were, and new ones behind them."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION) as target:
        for info in archive.entries:
            name = info.filename.replace("\\", "/")
            write = changed.pop(name.casefold(), None)
            if write is not _nothing:
                _put_part(target, name, info, write or _copied(archive.chunks(name)))
        for name, write in changed.items():
            new = _NEW_TABLE if name == _NEW_TABLE.casefold() else name
            _put_part(target, new, zipfile.ZipInfo(new), write)


def _copied(chunks: Iterable[bytes]) -> Write:
    return lambda out: out.writelines(chunks)


def _put_part(target: zipfile.ZipFile, name: str, was: zipfile.ZipInfo, write: Write) -> None:
    info = zipfile.ZipInfo(name, was.date_time)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    info._compresslevel = COMPRESSION  # type: ignore[attr-defined]
    with target.open(info, "w") as part:
        write(part)
