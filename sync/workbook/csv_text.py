"""How the text of a CSV file is to be read: its encoding and its delimiter."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from pathlib import Path

from sync.workbook.refusals import refused

SAMPLE = 64 * 1024
DELIMITERS = ",;\t|"
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Bytes that are letters in both, and commonly written in one only: ěřůąłżťľőű, and àãåêñôæç.
_CENTRAL = frozenset(b"\xec\xf8\xf9\xb9\xb3\xbf\x9d\xbe\xf5\xfb\xcc\xd8\xd9\xa5\xa3\xaf\xbc\x8d\x9c\x8c\x9f\x8f")
_WESTERN = frozenset(b"\xe0\xe3\xe5\xea\xf1\xf4\xe6\xe7\xc0\xc5\xc6\xc7\xd1")
_OWN_REF = re.compile(r"_ref\|[\w.-]*\|[\w.-]*\|[\w.-]*")


def encoding_of(path: Path) -> str:
    """Return the encoding: by its byte order mark, or UTF-8 if all of it is, or what Windows writes."""
    with path.open("rb") as file:
        head = file.read(4)
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    counts = Counter[int]()
    return "utf-8" if _is_utf8(path, counts) else _windows(counts)


def _is_utf8(path: Path, counts: Counter[int]) -> bool:
    """Tell whether the whole file is UTF-8; `counts` counts the bytes that are not ASCII."""
    decoder, valid = codecs.getincrementaldecoder("utf-8")(), True
    with path.open("rb") as file:
        while chunk := file.read(SAMPLE):
            counts.update(re.sub(rb"[\x00-\x7f]+", b"", chunk))
            try:
                valid = valid and decoder.decode(chunk) is not None
            except UnicodeDecodeError:
                valid = False
    return valid and not decoder.getstate()[0]


def _windows(counts: Counter[int]) -> str:
    central = sum(counts[byte] for byte in _CENTRAL)
    western = sum(counts[byte] for byte in _WESTERN)
    order = ("cp1250", "cp1252") if central > western else ("cp1252", "cp1250")
    present = bytes(counts)
    for encoding in order:
        try:
            present.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise refused("The letters of the CSV file are in an unknown encoding.")


def delimiter_of(sample: str) -> str:
    """Return the delimiter under which most records of a sample are equally wide; a comma where none is."""
    sample = _OWN_REF.sub("", sample)
    complete = sample[: sample.rfind("\n") + 1] if len(sample) >= SAMPLE // 4 else sample
    return max(DELIMITERS, key=lambda delimiter: _evenness(complete, delimiter))


def _evenness(sample: str, delimiter: str) -> tuple[int, int]:
    try:
        widths = Counter(len(record) for record in csv.reader(sample.splitlines(keepends=True), delimiter=delimiter))
    except csv.Error:
        return 0, 0
    wide = [(count, width) for width, count in widths.items() if width > 1]
    return max(wide, default=(0, 0))
