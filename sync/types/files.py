"""Files: stored elsewhere, chosen in a form, shown by name."""

from __future__ import annotations

from typing import Any, ClassVar

from sync.cells import Broken, RawCell
from sync.fields import Bad, Example, Field, Option
from sync.types.choices import FILE, ReferenceType
from sync.types.text import as_text, trimmed
from sync.types.value import shown_value

_CONTRACTS = Field(
    "contract", "Contract", "file", options=(Option(3, "contract.pdf"), Option(8, "Smlouva, podpis.pdf")), target=FILE
)


class FileType(ReferenceType):
    """A stored file; its ID is the value.

    The options of a field are the names of the files that are known at the moment. No cell sets a file: who edits
    its name in a workbook is told that the edit counts for nothing.
    """

    key = "file"
    label = "File"
    additional = True
    typed = False
    target = FILE
    hint = "A file, chosen or dropped here"
    width = 26
    examples: ClassVar[tuple[Example, ...]] = (
        Example("contract.pdf", 3, "contract.pdf", _CONTRACTS),
        Example("smlouva, PODPIS.pdf", 8, "Smlouva, podpis.pdf", _CONTRACTS),
        Example("", None, None, _CONTRACTS),
        Example(
            "other.pdf",
            Bad("'other.pdf' is no file of this customer. Upload it in the customer's form."),
            None,
            _CONTRACTS,
        ),
    )

    def unchanged(self, base: Any, raw: RawCell, field: Field) -> bool:
        """Tell whether a cell has no opinion: it is blank, or shows the file's name."""
        shown = shown_value(raw)
        if shown is None or (not isinstance(shown, Broken) and not trimmed(as_text(shown))):
            return True
        return super().unchanged(base, raw, field)

    def allowed(self, field: Field) -> tuple[str, ...]:
        """Return nothing: a dropdown would offer what no cell takes."""
        return ()
