"""What the generator's page says of settings before they are saved: examples, supply, strength, mistakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from panel.characters import Alphabet, Strength, problem_of, strength_of
from panel.forms.supply import Supply, supply_of
from panel.generator import maker_of
from panel.models import GeneratorConfig
from panel.pattern import Newcomer, PatternError, check_pattern
from panel.words import today
from sync.fields import Bad, Field
from sync.values import parse_value

# The reserved domains of RFC 2606: nobody reads mail there.
PEOPLE = (
    ("Anna Novak", "anna.novak@example.com", "+420 603 123 456"),
    ("Petr Svoboda", "petr@example.net", "+420 777 654 321"),
    ("Green Valley Ltd", "office@example.org", "+44 20 7946 0018"),
)
FIRST_ID = 1042


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a pattern; the three pieces show where, `wrong` being empty where it has no place."""

    message: str
    before: str = ""
    wrong: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """Settings in examples and words; `problems` are those of inputs, by their names."""

    examples: tuple[tuple[str, str], ...] = ()
    supply: Supply | None = None
    strength: Strength | None = None
    mistake: Mistake | None = None
    problems: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what the page's script shows."""
        strength, mistake, supply = self.strength, self.mistake, self.supply
        return {
            "examples": [list(one) for one in self.examples],
            "supply": supply.words if supply else "",
            "warning": supply.warning if supply else "",
            "strength": strength.words if strength else "",
            "level": strength.level if strength else "",
            "mistake": [mistake.message, mistake.before, mistake.wrong, mistake.after] if mistake else None,
            "problems": self.problems,
        }


def draft_of(sent: MultiDict[str, str], config: GeneratorConfig) -> GeneratorConfig:
    """Return the settings that are being typed; a length that is no number is 0."""
    length = parse_value(sent.get("password_length", ""), Field("length", "Length", "integer"))
    return GeneratorConfig(
        login_pattern=sent.get("login_pattern", ""),
        login_characters=sent.get("login_characters", ""),
        password_characters=sent.get("password_characters", ""),
        password_length=0 if length is None or isinstance(length, Bad) else max(0, min(int(length), 128)),
        clear_characters=bool(sent.get("clear_characters")),
        next_number=config.next_number,
    )


def preview_of(connection: Connection, config: GeneratorConfig) -> Preview:
    """Return what these settings make."""
    clear = bool(config.clear_characters)
    found = {
        name: problem_of(getattr(config, name), clear=clear) for name in ("login_characters", "password_characters")
    }
    problems = {name: problem for name, problem in found.items() if problem}
    strength = None
    if "password_characters" not in problems:
        strength = strength_of(Alphabet(config.password_characters, clear), config.password_length)
    try:
        check_pattern(config.login_pattern)
        if "login_characters" in problems and "{rand_string" in config.login_pattern:
            return Preview(strength=strength, problems=problems)
        supply = supply_of(connection, maker_of(config, today()))
        return Preview(examples_of(config), supply, strength, problems=problems)
    except PatternError as error:
        return Preview(strength=strength, mistake=_mistake(config.login_pattern, error), problems=problems)


def _mistake(pattern: str, error: PatternError) -> Mistake:
    if error.start is None:
        return Mistake(str(error))
    return Mistake(str(error), pattern[: error.start], pattern[error.start : error.end], pattern[error.end :])


def examples_of(config: GeneratorConfig) -> tuple[tuple[str, str], ...]:
    """Return three people, and a login that the pattern could make for each."""
    maker = maker_of(config, today())
    newcomers = (Newcomer(FIRST_ID + at, email, phone, 1, 1) for at, (_name, email, phone) in enumerate(PEOPLE))
    logins = [maker.draw(one, config.next_number + at) for at, one in enumerate(newcomers)]
    return tuple((person[0], login) for person, login in zip(PEOPLE, logins, strict=True))
