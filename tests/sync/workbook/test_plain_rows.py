"""The short cut for plain rows and the parser agree on every sheet."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.errors import UnreadableWorkbook
from sync.workbook import Limits
from sync.workbook.alike_rows import AlikeRows
from sync.workbook.plain_rows import PlainRows
from sync.workbook.row_cells import Book
from sync.workbook.shape import Shape
from sync.workbook.sheet import sheet_rows
from sync.workbook.strings import SharedStrings
from tests.sync.workbook.workbooks import sheet_xml

PLAIN = '<row r="{0}" spans="1:3" x:d="0.25"><c r="A{0}" s="1"><v>45296</v></c><c r="C{0}" t="s"><v>1</v></c></row>'
CDATA = '<![CDATA[</row><row r="9"><c r="A9"><v>9</v></c></row>]]>'
SHAPES = (
    PLAIN,
    PLAIN,
    PLAIN.replace(' s="1"', ""),
    '<row r="{0}"><c r="B{0}"/><c r="D{0}" t="n"><v>-1.5E3</v></c></row>',
    '<row r="{0}"></row>',
    '<row r="{0}"/>',
    '<row r="{0}"><c r="A{0}"><v>{0}</v></c></row >',
    "<row><c><v>7</v></c></row>",
    '<row r="{0}">\n  <c r="A{0}">\n    <v> 5 </v>\n  </c>\n</row>\n',
    '<row r="{0}"><c r="A{0}" t="str"><v>ř &amp; &lt;/row&gt;</v></c></row>',
    f'<row r="{{0}}"><c r="A{{0}}" t="inlineStr"><is><t>{CDATA}</t></is></c></row>',
    '<row r="{0}"><c r="A{0}"><f>1+1</f><v>2</v></c></row>',
    f"<!-- {PLAIN} -->",
    f"<!-- </row>{PLAIN}</row> -->",
    f"</row ><!-- </row>{PLAIN}</row> -->",
    f"<?x {PLAIN}?>",
    f"<extLst>{PLAIN}</extLst>",
    f"<extLst><!-- </row> -->{PLAIN}</extLst>",
    '<row r="{0}"><!-- <c r="A{0}"><v>1</v></c> --></row>',
    '<row r="{0}"><x><c r="A{0}"><v>1</v></c></x></row>',
    '<row r="{0}"><c r="A{0}"><v>1</v></c><c r="A{0}"><v>2</v></c></row>',
    '<row r="{0}"><c r="A{0}"><v>1</v></c></v></c><!-- <c r="B{0}"><v>1</v></c> --></row>',
    '<row r="1"><c r="A1"><v>1</v></c></row>',
    '<row r="{0}"><c r="A9"><v>1</v></c></row>',
    '<row r="{0}">&nope;<c r="A{0}"><v>1</v></c></row>',
    '<row r="{0}"><c r="A{0}"><v>1</v></c>]]></row>',
    "</row>",
    "<row>",
    '<row r="{0}"><c r="A{0}"><v>1</v></c>',
    " \n",
)  # fmt: skip


def outcome(part: bytes, size: int) -> object:
    strings = SharedStrings()
    for text in ("zero", "one"):
        strings.extend([text])
    chunks = (part[start : start + size] for start in range(0, len(part), size))
    try:
        return list(sheet_rows(chunks, Book(strings, frozenset({"1"}), epoch_1904=False), Limits(), Shape()))
    except UnreadableWorkbook:
        return "refused"


@pytest.mark.asvs("R11")
@settings(max_examples=400)
@given(st.lists(st.sampled_from(SHAPES), max_size=7), st.sampled_from((7, 64, 1000)))
@example([PLAIN, f"<!-- </row>{PLAIN}</row> -->", PLAIN], 1000)
def test_both_ways_give_the_same_rows(shapes: list[str], size: int) -> None:
    part = sheet_xml("".join(shape.replace("{0}", str(number)) for number, shape in enumerate(shapes, 2))).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainRows, "_taken", lambda _self, _piece: False)
        expected = outcome(part, size)
    assert outcome(part, size) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sync.workbook.alike_rows.FIRST", 1)
        assert outcome(part, size) == expected


def test_plain_rows_do_not_reach_the_parser() -> None:
    taken: list[int] = []
    alike = AlikeRows(lambda _style, _kind: list, 2)
    plain = PlainRows(lambda row, _cells: taken.append(row), lambda _row: None, alike)
    row = '<row r="{0}"><c r="A{0}" s="3"><v>1.5</v></c><c r="B{0}"/></row>'
    first, others = (row.replace("{0}", "1"), "".join(row.replace("{0}", str(number)) for number in range(2, 9)))
    passed = []
    for piece in plain.passed_on([f"<sheetData>{first}".encode(), f"{others}</sheetData>".encode()]):
        passed.append(piece)
        plain.row_ended_at = b"".join(passed).find(b"</row>")  # as the parser's handler does
    assert taken == list(range(2, 9))
    assert b"".join(passed).decode() == f"<sheetData>{first}</sheetData>"


def test_rows_like_those_before_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.workbook.alike_rows.FIRST", 1)
    alike = AlikeRows(lambda _style, _kind: list, 9)
    alike.learn(1, [("A1", "3", "", "1", ""), ("C1", "", "s", "2", "")])
    row = '<row r="7"><c r="A7" s="3"><v>{0}</v></c><c r="C7" t="s"><v>5</v></c></row>'
    assert alike.takes(row.format(4))
    assert alike.takes('<row r="8" hidden="1"><c r="C8" t="s"/></row>')
    for other in (row.format("x"), row.replace(' s="3"', ""), row.replace("C7", "C8"), row.replace("C7", "A7")):
        assert not alike.takes(other.format(4))
    assert alike.read() == [(7, ["4", None, "5"]), (8, [])]
    assert alike.read() == []
