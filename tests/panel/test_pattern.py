"""The language of login patterns, and what random texts are drawn from: no database."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from itertools import pairwise

import pytest

from panel.characters import AMBIGUOUS, UNSAFE, Alphabet, problem_of, strength_of
from panel.generator import LoginMaker, capacity, login_at, neighbours
from panel.models.config import LETTERS_AND_DIGITS
from panel.pattern import Newcomer, PatternError, check_pattern, parse_pattern

DAY = dt.date(2026, 3, 9)
ANN = Newcomer(42, "Ann.Novak@Example.com", "+420 603 123 456", 3, 12)


def maker(pattern: str, characters: str = "abcABC", *, clear: bool = False) -> LoginMaker:
    alphabets = {"rand_string": Alphabet(characters, clear), "rand_number": Alphabet("0123456789", clear)}
    return LoginMaker(pattern, parse_pattern(pattern), alphabets, DAY)


@pytest.mark.parametrize(
    ("pattern", "login"),
    [
        ("{id}", "42"),
        ("{id|6}", "000042"),
        ("{id|1}", "42"),
        ("{next|4}", "0007"),
        ("{next}", "7"),
        ("{partner_id|2}-{location_id|1}-{id}", "03-12-42"),
        ("{email}", "ann.novak@example.com"),
        ("{email|5}", "ann.n"),
        ("{phone}", "420603123456"),
        ("{phone|6}", "123456"),
        ("{year}{month}{day}{id}", "2026030942"),
        ("{year|2}{id}", "202642"),
        ("u.{id}@isp_x", "u.42@isp_x"),
    ],
)
def test_a_pattern_makes_this_login(pattern: str, login: str) -> None:
    assert maker(pattern).draw(ANN, 7) == login


@pytest.mark.asvs("R15")
@pytest.mark.parametrize(
    ("pattern", "wrong", "words"),
    [
        ("abc{nobody}", "nobody", "Character 5 of the pattern: there is no {nobody}. There are: {id}, {email}"),
        ("{rand_sting|4}", "rand_sting", "Did you mean {rand_string}?"),
        ("{rand}", "rand", "Did you mean {rand_string}?"),
        ("{ID}", "ID", "Did you mean {id}?"),
        ("{partner-id}", "partner-id", "Did you mean {partner_id}?"),
        ("a{id", "{id", "Character 2 of the pattern: this '{' is never closed."),
        ("{id{next}", "{id", "Character 1 of the pattern: this '{' is never closed."),
        ("id}", "}", "Character 3 of the pattern: '}' closes nothing."),
        ("{}", "{}", "a variable is missing here"),
        ("{|6}", "{|6}", "a variable is missing here"),
        ("id|6", "|", "Character 3 of the pattern: '|' has no variable before it."),
        ("{id|}", "}", "after '|' comes a length"),
        ("{id|six}", "six", "after '|' comes a length"),
        ("{id|-1}", "-1", "after '|' comes a length"),
        ("{id|٣}", "٣", "after '|' comes a length"),
        ("{id|0}", "0", "a length is 1 to 64"),
        ("{id|65}", "65", "a length is 1 to 64"),
        ("{id|" + "9" * 400 + "}", "9" * 400, "a length is 1 to 64"),
        ("{{7*7}}", "{", "never closed"),
        ("{0.__class__}", "0.__class__", "there is no {0.__class__}"),
        ("{id.__class__}", "id.__class__", "Did you mean {id}?"),
        ("{id} {next}", " ", "U+0020 cannot be part of a login"),
        ("č{id}", "č", "'č' cannot be part of a login"),
        ("{id}\u202e", "\u202e", "U+202E cannot be part of a login"),
        ('{id}"', '"', "cannot be part of a login"),
        ("={id}", "=", "does not begin or end with '='"),
        ("{id}-", "-", "does not begin or end with '-'"),
    ],
)
def test_a_mistake_is_named_at_its_place_with_a_remedy(pattern: str, wrong: str, words: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse_pattern(pattern)
    assert pattern[caught.value.start : caught.value.end] == wrong
    assert words in str(caught.value)


@pytest.mark.parametrize("pattern", ["fixed", "{year}{month}{day}", "p{partner_id|3}", "{location_id}-{year}"])
def test_a_pattern_that_tells_nobody_apart_is_not_kept(pattern: str) -> None:
    with pytest.raises(PatternError, match="tells two customers apart"):
        check_pattern(pattern)


@pytest.mark.parametrize("pattern", ["", "  ", "{rand_string|64}{rand_number|64}x"])
def test_an_empty_and_an_endless_pattern_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        check_pattern(pattern)


def test_a_login_longer_than_its_field_is_refused_for_that_customer() -> None:
    with pytest.raises(PatternError, match=r"132 characters; 128 are the most"):
        maker("{email}").draw(Newcomer(1, "a" * 120 + "@example.com"))


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("{rand_number|1}", 10),
        ("c{rand_number|3}", 1_000),
        ("{rand_string|2}", 9),  # a and A are one
        ("{rand_string|2}{rand_number|2}", 900),
        ("{email|3}{rand_string|1}", 3),
    ],
)
def test_capacity_counts_what_differs_by_more_than_capitals(pattern: str, size: int) -> None:
    places = maker(pattern).places(ANN)
    assert capacity(places) == size
    listed = [login for some in neighbours(places) for login in some]
    assert len({login.casefold() for login in listed}) == size


def test_neighbours_in_a_pattern_are_all_different() -> None:
    places = maker("{rand_string|4}", LETTERS_AND_DIGITS).places(ANN)
    logins = [login_at(places, index).casefold() for index in range(2_000)]
    assert all(one != other for one, other in pairwise(logins))
    assert len(set(logins)) == 2_000


# Characters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("abca", "'a' came more often"),
        ("ab c", "U+0020"),
        ("ab\tc", "U+0009"),
        ("ab\u0301", "U+0301"),
        ("ab\u200b", "U+200B"),
        ("abč", "'č'"),
        ('ab"', "'\"'"),
        ("ab\\", "Leave out '\\'"),
        ("a", "At least two letters or digits"),
        ("=+-@'", "At least two letters or digits"),
        ("", "At least two letters or digits"),
    ],
)
def test_characters_that_do_not_do_are_refused(text: str, words: str) -> None:
    assert words in str(problem_of(text, clear=False))


def test_characters_that_look_alike_do_not_count_where_they_are_left_out() -> None:
    assert problem_of("0O1l", clear=False) is None
    assert "take for another" in str(problem_of("0O1l", clear=True))


def test_no_text_begins_or_ends_with_a_sign_and_none_has_a_character_that_is_misread() -> None:
    made = [Alphabet("ab=+-@'0Ol", clear=True).draw(5) for _ in range(2_000)]
    assert not {text[0] for text in made} & set(UNSAFE)
    assert not {text[-1] for text in made} & set(UNSAFE)
    assert not set("".join(made)) & set(AMBIGUOUS)
    assert set("".join(made)) == set("ab=+-@'")


@pytest.mark.parametrize("characters", [LETTERS_AND_DIGITS, "aab", "abc=-"])
def test_each_character_comes_as_often_as_any_other_at_each_place(characters: str) -> None:
    alphabet, length, draws = Alphabet(characters), 4, 60_000
    made = [alphabet.draw(length) for _ in range(draws)]
    for place in range(length):
        allowed = alphabet.at(place, length)
        counts = Counter(text[place] for text in made)
        expected = draws / len(allowed)
        chi = sum((counts[char] - expected) ** 2 / expected for char in allowed)
        freedom = len(allowed) - 1
        assert set(counts) <= set(allowed)
        # Wilson and Hilferty's normal approximation; beyond 5 once in 3.5 million runs.
        deviation = ((chi / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / (2 / (9 * freedom)) ** 0.5
        assert deviation < 5, (place, chi)


@pytest.mark.parametrize(
    ("characters", "length", "level", "words"),
    [
        ("0123456789", 6, "refused", "19 bits: too weak"),
        ("0123456789", 7, "weak", "23 bits: weak, guessed in less than a second"),
        (LETTERS_AND_DIGITS, 8, "weak", "47 bits: weak, guessed in 3 hours on average"),
        (LETTERS_AND_DIGITS, 10, "fair", "59 bits: fair, guessed in 486 days on average"),
        (LETTERS_AND_DIGITS, 12, "good", "71 bits: good, guessed in 5112 years"),
        (LETTERS_AND_DIGITS, 128, "good", "more than 10,000 years"),
    ],
)
def test_strength_is_said_in_words(characters: str, length: int, level: str, words: str) -> None:
    strength = strength_of(Alphabet(characters), length)
    assert strength.level == level
    assert words in strength.words


def test_a_weak_password_says_how_long_a_good_one_is() -> None:
    assert "Advice: 64 bits, which are 12 of these characters." in strength_of(Alphabet(LETTERS_AND_DIGITS), 8).words
    assert "which are 20 of these characters." in strength_of(Alphabet("0123456789"), 8).words
