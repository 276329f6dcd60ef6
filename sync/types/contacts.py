"""Email addresses and phone numbers, one or several."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from sync.cells import Scalar
from sync.fields import Bad, Example, Field
from sync.types.text import as_text, quoted, trimmed
from sync.types.value import LineType, ValueType
from sync.words import later, say

_SEPARATOR = re.compile(r"[,;\n]")


class EmailType(LineType):
    """An email address: the part before the @ as typed, the domain in lower case."""

    key = "email"
    label = later("Email")
    width = 28
    hint = later("An email address, such as anna@example.com")
    examples = (
        Example("anna@example.com", "anna@example.com", "anna@example.com"),
        Example(" Anna.Novak@Example.COM\u00a0", "Anna.Novak@example.com", "Anna.Novak@example.com"),
        Example("", None, None),
        Example("anna", Bad("'anna' is no email address. Write it as anna@example.com."), None),
        Example("a@b", Bad("'a@b' is no email address. Write it as anna@example.com."), None),
        Example(
            "a@example.com, b@example.com",
            Bad("'a@example.com, b@example.com' is no email address. Write it as anna@example.com."),
            None,
        ),
        Example(42, Bad("'42' is no email address. Write it as anna@example.com."), None),
    )

    def spell(self, text: str) -> str | Bad:
        """Return the address with its domain in lower case."""
        try:
            domain = validate_email(text, check_deliverability=False).domain
        except EmailNotValidError:
            return Bad(say("%(value)s is no email address. Write it as anna@example.com.", value=quoted(text)))
        return f"{text.rpartition('@')[0]}@{domain}"

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is an email address; most texts have no @."""
        return "@" in text and super().looks_like(text)


_EXTENSION = r"(?:,?\s*(?:ext\.?|x|#)\s*[0-9]{1,7})"
_PHONE = re.compile(rf"(\+?[0-9 ()./-]+?){_EXTENSION}?", re.IGNORECASE)
_FEWEST, _MOST = 3, 20


class PhoneType(LineType):
    """A phone number: with a country code in the international spelling, without one as typed."""

    key = "phone"
    label = later("Phone")
    width = 20
    hint = later("A phone number, such as +420 603 123 456")
    examples = (
        Example("+420603123456", "+420 603 123 456", "+420 603 123 456"),
        Example("00420 603 123 456", "+420 603 123 456", "+420 603 123 456"),
        Example("+44 20 7946 0958 ext. 12", "+44 20 7946 0958 x12", "+44 20 7946 0958 x12"),
        Example("0603\u00a0 123 456", "0603 123 456", "0603 123 456"),
        Example("(02) 1234-5678 x9", "(02) 1234-5678 x9", "(02) 1234-5678 x9"),
        Example(447911123456.0, "447911123456", "447911123456"),
        Example("112", "112", "112"),
        Example(" ", None, None),
        Example("12", Bad("'12' is no phone number. Write it as +420 603 123 456."), None),
        Example("+420 1", Bad("'+420 1' is no phone number. Write it as +420 603 123 456."), None),
        Example("call me", Bad("'call me' is no phone number. Write it as +420 603 123 456."), None),
    )

    def spell(self, text: str) -> str | Bad:
        """Return the number in its canonical spelling."""
        line = " ".join(text.split())
        if match := _PHONE.fullmatch(line):
            abroad = line.startswith(("+", "00"))
            spelling = _international(line) if abroad else _as_typed(line, match[1])
        else:
            spelling = None
        return spelling or Bad(say("%(value)s is no phone number. Write it as +420 603 123 456.", value=quoted(text)))

    def looks_like(self, text: str) -> bool:
        """Tell whether a text is a phone number with a country code; other digits may mean anything."""
        return text.startswith("+") and super().looks_like(text)


def _as_typed(line: str, number: str) -> str | None:
    digits = sum(char.isdigit() for char in number)
    return line if _FEWEST <= digits <= _MOST else None


def _international(line: str) -> str | None:
    dialled = line if line.startswith("+") else f"+{line[2:].lstrip()}"
    spelling = _respelled(dialled)
    # A spelling that reads as another number, as of +49 000 000 000, is of none that anybody has.
    return spelling if spelling and _respelled(spelling) == spelling else None


def _respelled(dialled: str) -> str | None:
    try:
        number = phonenumbers.parse(dialled)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


class ContactsType(ValueType):
    """Several members of one type; the first is the one to be used first."""

    additional = False
    many = True
    width = 32
    member: ClassVar[LineType]

    def read(self, shown: Scalar, field: Field) -> Any:
        """Return the members without repetitions, or `Bad` for the first that is none."""
        members: dict[str, str] = {}
        for text in self.split(shown):
            spelling = self.member.spell(text)
            if isinstance(spelling, Bad):
                return spelling
            members.setdefault(self.member.key_of(spelling), spelling)
        return tuple(members.values()) or None

    def split(self, shown: Scalar) -> list[str]:
        """Return the texts between separators, trimmed and not blank."""
        return list(filter(None, map(trimmed, _SEPARATOR.split(as_text(shown)))))

    def renderer(self, field: Field) -> Callable[[Any], Scalar | None]:
        """Return the members, separated by commas."""
        return lambda members: ", ".join(members) if members else None

    def same(self, base: Any, shown: Scalar, field: Field) -> bool:
        """Tell whether a cell holds the same members; which one is first is part of the value."""
        value = self.parse(shown, field)
        if not isinstance(value, tuple) or not base:
            return bool(value == base)
        return value[0] == base[0] and set(value) == set(base)

    def to_json(self, value: Any) -> Any:
        """Return a list of members."""
        return None if value is None else list(value)

    def from_json(self, plain: Any) -> Any:
        """Return the members of a list."""
        return tuple(plain) if plain else None

    def measure(self, value: Any) -> Decimal | int | None:
        """Return how many members there are."""
        return len(value)


class EmailsType(ContactsType):
    """Email addresses."""

    key = "emails"
    label = later("Emails")
    hint = later("Email addresses, separated by commas")
    member = EmailType()
    examples = (
        Example("a@example.com", ("a@example.com",), "a@example.com"),
        Example(
            "b@example.com; a@Example.com\nB@EXAMPLE.COM",
            ("b@example.com", "a@example.com"),
            "b@example.com, a@example.com",
        ),
        Example(" ; ", None, None),
        Example("a@example.com, b", Bad("'b' is no email address. Write it as anna@example.com."), None),
    )


class PhonesType(ContactsType):
    """Phone numbers."""

    key = "phones"
    label = later("Phones")
    hint = later("Phone numbers, separated by commas")
    member = PhoneType()
    examples = (
        Example("0603 123 456", ("0603 123 456",), "0603 123 456"),
        Example(
            "+420603123456, 112; 00420 603 123 456",
            ("+420 603 123 456", "112"),
            "+420 603 123 456, 112",
        ),
        Example(603123456.0, ("603123456",), "603123456"),
        Example("", None, None),
        Example("112, none", Bad("'none' is no phone number. Write it as +420 603 123 456."), None),
    )
