"""CSV files of all makes: their letters, their delimiters, their rows."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from sync.cells import RawCell
from sync.errors import UnreadableWorkbook
from sync.workbook import Limits, Sheet, open_table, write_csv
from tests.sync.workbook.workbooks import REF, fields, read

CZECH = "Jméno;Město\r\nŽluťoučký kůň;Třebíč\r\n"
FRENCH = "Prénom;Ville\r\nHélène;Besançon à côté\r\n"


def content(tmp_path: Path, data: bytes, name: str = "a.csv") -> tuple[tuple[str | None, ...], list[list[RawCell]]]:
    path = tmp_path / name
    path.write_bytes(data)
    table, rows = read(path)
    return table.labels, [cells for _, cells in rows]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CZECH, "utf-8"),
        (CZECH, "utf-8-sig"),
        (CZECH, "utf-16"),
        (CZECH, "cp1250"),
        (FRENCH, "cp1252"),
        (FRENCH, "utf-8"),
        ("Имя;Город\r\nОльга;Київ\r\n", "utf-16"),
    ],
)
def test_letters_are_read_in_their_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    labels, rows = content(tmp_path, text.encode(encoding))
    lines = [tuple(line.split(";")) for line in text.splitlines()]
    assert [labels, *map(tuple, rows)] == lines


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = '"a, b; c",d,e\r\n"x\r\ny","1,5;2,5",z\r\n1,2,3\r\n'
    quoted = text.replace("d,e", f"d{delimiter}e").replace('",d', f'"{delimiter}d').replace('","', f'"{delimiter}"')
    quoted = quoted.replace('",z', f'"{delimiter}z').replace("1,2,3", delimiter.join("123"))
    labels, rows = content(tmp_path, quoted.encode())
    assert (labels, rows) == (("a, b; c", "d", "e"), [["x\r\ny", "1,5;2,5", "z"], ["1", "2", "3"]])


def test_a_line_that_names_the_delimiter_is_no_row(tmp_path: Path) -> None:
    assert content(tmp_path, b"sep=;\r\na;b,c,d\r\n1;2\r\n") == (("a", "b,c,d"), [["1", "2"]])


def test_a_file_of_one_column_has_one(tmp_path: Path) -> None:
    assert content(tmp_path, b"name\nAnn\n Bob \n", "a.txt") == (("name",), [["Ann"], [" Bob "]])


def test_empty_cells_are_none_and_empty_rows_are_counted_only(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\r\na,b,c\r\n\r\n,"",x\r\n"1\r\n2",,\r\n9,,')
    table, rows = read(path)
    assert (table.labels, rows) == (
        ("a", "b", "c"),
        [(4, [None, None, "x"]), (5, ["1\r\n2", None, None]), (6, ["9", None, None])],
    )


def test_separators_inside_text_are_no_line_ends(tmp_path: Path) -> None:
    assert content(tmp_path, "a,b\nx\u2028y\x0b,z\n".encode()) == (("a", "b"), [["x\u2028y\x0b", "z"]])


def test_our_own_export_is_known_whatever_delimits_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    row = ("R7.1.1.a", 1, "=x", dt.date(2024, 1, 5), Decimal("-1.50"), True, None)
    write_csv(path, Sheet(REF, fields("string", "date", "decimal", "boolean", "text")), [row])
    saved = path.read_text("utf-8-sig")
    assert "'=x,2024-01-05,-1.50,True," in saved
    for delimiter in ",;\t|":
        if delimiter == "|":
            saved = saved.replace(REF, f'"{REF}"')
        path.write_text(saved.replace(",", delimiter), "utf-8")
        table, rows = read(path)
        assert (table.is_csv, table.sheet, table.ref, table.ref_column) == (True, "CSV", REF, 0)
        assert (table.keys[1], table.labels[2]) == ("id", "Field 0")
        assert rows == [(3, ["R7.1.1.a", "1", "=x", "2024-01-05", "-1.50", "True", None])]


def test_an_apostrophe_stays_in_a_foreign_file(tmp_path: Path) -> None:
    assert content(tmp_path, b"a,b\n'=x,'y\n") == (("a", "b"), [["'=x", "'y"]])


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (replace(Limits(), rows=2), "2 rows"),
        (replace(Limits(), columns=1), "1 columns"),
        (replace(Limits(), cells=9), "9 cells"),
        (replace(Limits(), text=3), "3 characters"),
    ],
)
def test_the_limits_hold_for_csv_too(tmp_path: Path, limits: Limits, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"name,city\n" * 9)
    with pytest.raises(UnreadableWorkbook, match=reason):
        read(path, limits)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('a,b\n1,2\n1,"Ann\n2,Bob\n', 3),
        ('a,b\n1,"Ann', 2),
        ('a,b\n1,"', 2),
        ('a,"b\n1,2\n', 1),
        ('a,b\n"1\n2",x\n1,"say ""hi""\n2,Bob\n', 3),
        ('a,b\n1,"Ann\n2,"Bob"\n3,Cy\n', 2),
        ('a,b\n1,"Ann\r2,"Bob"\r3,Cy\r', 2),
        ('sep=|\na|b\n1|"Ann\n2|"Bob"\n', 2),
        ("a,b\n" + "1,2\n" * 40 + '"' + "x,\n" * 9, 42),
        ('a,b\n"' + "x,\n" * 200_000, 2),
    ],
)
def test_a_quoted_text_without_a_clear_end_is_refused(tmp_path: Path, text: str, row: int) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    with pytest.raises(UnreadableWorkbook, match=rf"begins in row {row} of .* quotation mark"):
        read(path)


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('"Ann" Lee,x', ["Ann Lee", "x"]),
        ('"Ann" "Lee",x', ['Ann "Lee"', "x"]),
        ('5" pipe,"x"', ['5" pipe', "x"]),
        ('"Ann" Lee,"x\ny"', ["Ann Lee", "x\ny"]),
        ('"a ""b""\nc, d","x"', ['a "b"\nc, d', "x"]),
        ('"",""', [None, None]),
    ],
)
def test_sloppy_quotes_that_mean_one_thing_are_read(tmp_path: Path, line: str, cells: list[RawCell]) -> None:
    for end in ("\n", "\r\n", "\r"):
        _, rows = content(tmp_path, f"a,b{end}{line}{end}1,2".encode())
        assert rows == [*([cells] if any(cells) else []), ["1", "2"]]


@pytest.mark.parametrize("name", ["a.tsv", "A.TSV", "a.txt", "a.csv"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_what_is_in_a_text_file_decides_and_not_its_name(tmp_path: Path, name: str, delimiter: str) -> None:
    data = "name|city\r\nAnn|Brno\r\n".replace("|", delimiter).encode()
    assert content(tmp_path, data, name) == (("name", "city"), [["Ann", "Brno"]])
    with open_table(tmp_path / name, Limits()) as table:
        assert (table.labels, list(table.rows)) == (("name", "city"), [(2, ["Ann", "Brno"])])
