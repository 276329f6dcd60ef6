"""The process that parses: it answers like the reader in this process, and its end harms nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sync.errors import UnreadableWorkbook
from sync.workbook import Limits, open_table
from tests.sync.workbook.workbooks import STRINGS, build, read, save

MEGABYTE = 1 << 20
ALL_KINDS = (
    '<row r="2"><c t="str"><v>ř😀</v></c><c s="1"><v>45296</v></c><c s="1"><v>45296.5</v></c><c t="e"><v>#N/A</v></c>'
    '<c><f>1</f><v>1</v></c><c s="1"><f>1</f><v>45296</v></c><c t="b"><v>1</v></c><c><v>1.5</v></c><c><f>1</f></c>'
    "<c><v>12345678901234567890</v></c></row>"
)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Return a workbook that takes a while to read."""
    return save(tmp_path / "large.xlsx", ((f"text {at}", at) for at in range(60_000)), "string", "integer")


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    before = _children()
    yield
    assert _children() <= before


def _children() -> set[str]:
    """Return the numbers of this process's children, those that nobody waited for included."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process may end while it is looked at
            if path.read_text().rpartition(")")[2].split()[1] == str(os.getpid()):
                found.add(path.parent.name)
    return found


def test_the_child_reads_what_this_process_reads(tmp_path: Path) -> None:
    for path in (build(tmp_path / "a.xlsx", ALL_KINDS + "<row><c><v>1</v></c></row>"), _csv(tmp_path / "a.csv")):
        here, rows = read(path)
        with open_table(path, Limits()) as table:
            assert list(table.rows) == rows
            assert replace(table, rows=here.rows) == here


def _csv(path: Path) -> Path:
    path.write_bytes(b"a,b\n1,\n")
    return path


def test_it_works_from_any_folder_and_without_an_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "-a b'.xlsx", '<row r="1"><c><v>1</v></c></row>')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with open_table(Path("-a b'.xlsx"), Limits()) as table:
        assert table.labels == ("1",)


def test_a_file_may_be_left_early(large: Path) -> None:
    began = time.monotonic()
    with open_table(large, Limits()) as table:
        assert next(table.rows)[0] == 3
    with pytest.raises(ZeroDivisionError), open_table(large, Limits()):
        raise ZeroDivisionError
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "limits",
    [
        replace(Limits(), wall_seconds=0),
        replace(Limits(), cpu_seconds=1, wall_seconds=60),
    ],
    ids=["wall", "processor"],
)
def test_a_child_that_takes_too_long_is_ended(tmp_path: Path, limits: Limits) -> None:
    strings = f"<sst>{''.join(f'<si><t>text {number}</t></si>' for number in range(4_000_000))}</sst>"
    path = build(tmp_path / "a.xlsx", parts={STRINGS: strings})
    with pytest.raises(UnreadableWorkbook, match="too long or needed too much"), open_table(path, limits):
        pass


def test_the_time_that_the_reader_takes_does_not_count(large: Path) -> None:
    with open_table(large, replace(Limits(), wall_seconds=6)) as table:
        next(table.rows)
        time.sleep(6.5)
        assert sum(1 for _ in table.rows) == 59_999


def test_a_child_that_needs_too_much_memory_says_so(large: Path) -> None:
    for megabytes in (1, 8, 16):
        limits = replace(Limits(), memory_bytes=megabytes * MEGABYTE)
        with pytest.raises(UnreadableWorkbook) as refused, open_table(large, limits) as table:
            list(table.rows)
        assert str(refused.value).endswith(".")


def test_a_child_that_may_not_write_says_so(large: Path) -> None:
    with pytest.raises(UnreadableWorkbook), open_table(large, replace(Limits(), total_bytes=1000)) as table:
        list(table.rows)


def test_a_missing_file_is_no_traceback(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnreadableWorkbook), open_table(tmp_path / "none.xlsx", Limits()):
        pass
    assert capfd.readouterr() == ("", "")


def test_nothing_is_left_on_disk(large: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    strings = f"<sst>{''.join(f'<si><t>text {number}</t></si>' for number in range(300_000))}</sst>"
    path = build(tmp_path / "a.xlsx", '<row><c t="s"><v>299999</v></c></row>', parts={STRINGS: strings})
    with open_table(path, Limits()) as table:
        assert table.labels == ("text 299999",)
    assert list(folder.iterdir()) == []


def test_the_child_needs_nothing_but_the_standard_library() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path.cwd())!r}); import sync.workbook.child;"
        "print([name for name in sys.modules if name.split('.')[0] in ('openpyxl', 'phonenumbers', 'lxml', 'flask')])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_memory_stays_flat(tmp_path: Path) -> None:
    count = 40_000
    rows = ((f"a text {at}", f"another {at}", f"a third {at}", f"and {at}", f"so {at}", at) for at in range(count))
    path = save(tmp_path / "a.xlsx", rows, *["string"] * 5, "integer")
    with open_table(path, replace(Limits(), memory_bytes=160 * MEGABYTE)) as table:
        assert sum(1 for _ in table.rows) == count
