"""Shared strings that are read many at a time are those that the parser would have read."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sync.errors import UnreadableWorkbook
from sync.workbook import Limits
from sync.workbook.plain_strings import PlainStrings
from sync.workbook.strings import SharedStrings, read_strings
from tests.sync.workbook.workbooks import MAIN

PLAIN = "<si><t>Brno {0}</t></si>"
SHAPES = (
    PLAIN,
    PLAIN,
    "<si><t>Žluťoučký kůň {0} \U0001f40e</t></si>",
    "<si><t></t></si>",
    "<si><t/></si>",
    "<si/>",
    '<si><t xml:space="preserve"> {0} </t></si>',
    "<si><t> {0} </t></si>",
    "<si><t>a &amp; b</t></si>",
    "<si><t>_x0041_</t></si>",
    "<si><t>two\nlines\r\nmore</t></si>",
    "<si><t>no\u00a0break</t></si>",
    "<si><t><![CDATA[<si><t>x</t></si>]]></t></si>",
    "<si><r><t>rich</t></r><r><t> text</t></r></si>",
    "<si><t>base</t><rPh><t>guide</t></rPh></si>",
    "<!-- <si><t>no</t></si> -->",
    "<!-- </t></si><si><t> -->",
    "<x><si><t>inner</t></si></x>",
    "<si><t>" + "long " * 8 + "</t></si>",
    "<si><t>a</t><t>b</t></si>",
    "<si><t>]]></t></si>",
    "<si><t>&nope;</t></si>",
    "<si><t>\x01</t></si>",
    "<si><t>open</si>",
    "<si><t>",
    "</si>",
    "</t></si>",
    " \n",
)  # fmt: skip


def outcome(part: bytes, size: int) -> object:
    strings, texts = SharedStrings(), []
    try:
        read_strings(strings, (part[at : at + size] for at in range(0, len(part), size)), Limits(text=30))
    except UnreadableWorkbook as refusal:
        return str(refusal)
    while True:
        try:
            texts.append(strings.at(str(len(texts))))
        except UnreadableWorkbook:
            return texts


@pytest.mark.asvs("R11")
@settings(max_examples=400)
@given(st.lists(st.sampled_from(SHAPES), max_size=7), st.sampled_from((7, 64, 1000)), st.sampled_from((40, 16_384)))
@example([PLAIN, "<!-- </t></si>" + PLAIN + " -->", PLAIN], 1000, 16_384)
@example(["<si><t>\udcff</t></si>", PLAIN], 1000, 16_384)
def test_both_ways_give_the_same_strings(shapes: list[str], size: int, block: int) -> None:
    items = "".join(shape.replace("{0}", str(number)) for number, shape in enumerate(shapes))
    part = f'<sst xmlns="{MAIN}">{items}</sst>'.encode("utf-8", "surrogateescape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sync.workbook.plain_strings.BLOCK", block)
        patch.setattr(PlainStrings, "_taken", lambda _self, _piece: False)
        expected = outcome(part, size)
        patch.undo()
        patch.setattr("sync.workbook.plain_strings.BLOCK", block)
        assert outcome(part, size) == expected


def test_plain_strings_never_reach_the_parser() -> None:
    taken: list[str] = []
    plain = PlainStrings(taken.extend, 100)
    passed = b""
    first, others = b"<sst><si><t>0</t></si>", b"".join(b"<si><t>%d</t></si>" % number for number in range(1, 9_000))
    for piece in plain.passed_on([first, others, b"</sst>"]):
        passed += piece
        plain.item_ended_at = len(passed) - len(b"</si>") if passed.endswith(b"</si>") else plain.item_ended_at
    assert passed == b"<sst><si><t>0</t></si></sst>"
    assert taken == [str(number) for number in range(1, 9_000)]
