"""Every row of the security requirements is carried by a test, or stands here with the reason why not yet."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tests.resources import ROOT

ROWS = {
    "R1": "the limits of uploads are written down and set by settings",
    "R2": "a request that is too large is refused before it costs anything",
    "R3": "a file is what its extension says",
    "R4": "what a file unpacks to is bounded before it is unpacked",
    "R5": "few files of one user wait",
    "R6": "paths and links in archives write nothing",
    "R7": "a file lies under a name of ours",
    "R8": "the header of a download is one line that parses",
    "R9": "sending files needs signing in, a permission and the form's token",
    "R10": "no document type and no entity is read",
    "R11": "what is previewed is what is applied; other programs' files read alike",
    "R12": "no text becomes a formula",
    "R13": "no text becomes part of a page",
    "R14": "no text becomes SQL",
    "R15": "no text is evaluated, and none is a template",
    "R16": "nobody but the code writes regular expressions",
    "R17": "no number, date or text is a fault",
    "R18": "a bad value is refused alike in forms and files",
    "R19": "nothing is applied that was not looked at, nor after it changed",
    "R20": "all or nothing",
    "R21": "of two at once, one comes first and the other is told",
    "R22": "a second person approves what is dangerous",
    "R23": "heavy work is queued and limited",
    "R24": "cookies are for this host, HTTPS and no script",
    "R25": "every answer carries the headers",
    "R26": "each POST needs its token, and no GET changes anything",
    "R27": "passwords of users: long, any characters, not easily guessed, tries limited",
    "R28": "a second factor, which a role can ask for",
    "R29": "first passwords and links are good once",
    "R30": "sessions have random tokens, new at each sign-in",
    "R31": "sessions end in the server",
    "R32": "secrets are shown after giving the own password again",
    "R33": "permissions, customers and fields are checked in the server",
    "R34": "a right that was taken away counts at once, also for work that waits",
    "R35": "no weak cipher, digest or random number",
    "R36": "passwords of users are argon2id",
    "R37": "keys are changed and kept out of the database",
    "R38": "a fault shows a number that is in the log, and nothing else",
    "R39": "nothing of a page is stored, and nothing secret is in an address",
    "R40": "what was erased is nowhere",
    "R41": "each deed that matters is one record without secrets, which stays",
    "R42": "exports hold what was chosen and may be seen",
}
LATER = {}


def marked(tree: ast.Module) -> Iterator[str]:
    """Yield the row of each mark that a test, or all tests of a module, carry."""
    tests = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"))
    whole = (one.value for one in tree.body if isinstance(one, ast.Assign) and "pytestmark" in ast.dump(one))
    for mark in chain(whole, *(one.decorator_list for one in tests)):
        for call in ast.walk(mark):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "asvs":
                (row,) = call.args
                yield ast.literal_eval(row)


def trees() -> Iterator[ast.Module]:
    """Yield the modules of tests."""
    paths: Iterator[Path] = (ROOT / "tests").rglob("test_*.py")
    return (ast.parse(path.read_text("utf-8")) for path in paths)


def test_each_row_is_carried_by_a_test_or_named_with_the_reason() -> None:
    carried = set(chain.from_iterable(map(marked, trees())))
    assert carried == ROWS.keys() - LATER.keys()


def test_a_row_that_a_test_names_is_the_row_that_it_carries() -> None:
    for tree in trees():
        for one in tree.body:
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_r") and one.name[6:7].isdigit():
                row = one.name.removeprefix("test_").partition("_")[0].upper()
                assert row in set(marked(tree)), one.name
