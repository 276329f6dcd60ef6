"""Garbage is looked for seldom for a while, and as before afterwards."""

from __future__ import annotations

import gc
from contextlib import ExitStack

import pytest

from sync.collecting import SELDOM, collecting_seldom


@pytest.mark.parametrize("first_out", [0, 1])
def test_two_blocks_that_overlap_leave_everything_as_it_was(first_out: int) -> None:
    before = gc.get_threshold()
    blocks = [ExitStack(), ExitStack()]
    for block in blocks:
        block.enter_context(collecting_seldom())
        assert gc.get_threshold() == (SELDOM, *before[1:])
    blocks.pop(first_out).close()
    blocks.pop().close()
    assert gc.get_threshold() == before


def test_a_block_that_fails_leaves_everything_as_it_was() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="no"), collecting_seldom():
        raise ValueError("no")
    assert gc.get_threshold() == before
