"""Tokens: what they say, and that nobody can make one up."""

from __future__ import annotations

import pytest

from sync.tokens import NewToken, RowToken, TokenMaker, make_ref, parse_ref, parse_token

TOKENS = TokenMaker(b"k" * 32, "customer")


def test_a_row_token_says_what_it_was_made_of() -> None:
    token = parse_token(TOKENS.row(7, 1042, 3, "ab12"))
    assert isinstance(token, RowToken)
    assert (token.export, token.id, token.revision) == (7, 1042, 3)
    assert TOKENS.holds(token, "ab12")


@pytest.mark.parametrize(
    ("maker", "stamp"),
    [(TokenMaker(b"x" * 32, "customer"), "ab12"), (TOKENS, "other"), (TokenMaker(b"k" * 32, "service"), "ab12")],
)
def test_a_token_of_another_key_entity_or_stamp_does_not_hold(maker: TokenMaker, stamp: str) -> None:
    token = parse_token(TOKENS.row(7, 1042, 3, "ab12"))
    assert isinstance(token, RowToken)
    assert not maker.holds(token, stamp)


def test_a_changed_token_does_not_hold() -> None:
    text = TOKENS.row(7, 1042, 3, "ab12").replace(".1042.", ".1043.")
    token = parse_token(text)
    assert isinstance(token, RowToken)
    assert not TOKENS.holds(token, "ab12")


def test_a_prepared_row_has_a_token_of_its_own() -> None:
    token = parse_token(TOKENS.new(7, 2))
    assert isinstance(token, NewToken)
    assert TOKENS.holds_new(token)
    assert not TOKENS.holds_new(NewToken(7, 3, token.check))


@pytest.mark.parametrize("text", ["", "R1", "R1.2.3", "R1.2.x.ab", "Anna", "R-1.2.3.ab", "r1.2.3.ab"])
def test_other_texts_are_no_token(text: str) -> None:
    assert parse_token(text) is None


@pytest.mark.parametrize(
    ("text", "export"), [(make_ref(7, 3), 7), (" _ref|rollbook1|7|3 ", 7), ("_ref|other|7|3", None), (None, None)]
)
def test_the_first_cell_names_the_export(text: str | None, export: int | None) -> None:
    assert parse_ref(text) == export
