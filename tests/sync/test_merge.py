"""The merge rule, as its table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.merge import Merged, Outcome, Versions, merge, merge_sets, merge_unknown

A, B, C, D = "a@x.cz", "b@x.cz", "c@x.cz", "d@x.cz"


@pytest.mark.parametrize(
    ("base", "panel", "workbook", "outcome", "value"),
    [
        ("Brno", "Brno", "Brno", Outcome.UNCHANGED, "Brno"),
        ("Brno", "Praha", "Brno", Outcome.PANEL, "Praha"),
        ("Brno", "Brno", "Zlin", Outcome.WORKBOOK, "Zlin"),
        ("Brno", "Praha", "Praha", Outcome.AGREED, "Praha"),
        ("Brno", "Praha", "Zlin", Outcome.CONFLICT, "Praha"),
        ("Brno", "Brno", None, Outcome.WORKBOOK, None),
        (None, None, "Zlin", Outcome.WORKBOOK, "Zlin"),
        (None, "Praha", "Zlin", Outcome.CONFLICT, "Praha"),
        ("Brno", None, "Zlin", Outcome.CONFLICT, None),
        ("Brno", None, None, Outcome.AGREED, None),
    ],
)
def test_the_outcome_is_a_property_of_the_three_versions(
    base: Any, panel: Any, workbook: Any, outcome: Outcome, value: Any
) -> None:
    assert merge(Versions(base, panel, workbook)) == Merged(outcome, value)


@pytest.mark.parametrize(
    ("base", "panel", "workbook", "outcome", "value"),
    [
        ((A,), (A, B), (A, C), Outcome.MERGED, (A, C, B)),
        ((A, B), (A,), (A, B, C), Outcome.MERGED, (A, C)),
        ((A,), (B,), (C,), Outcome.CONFLICT, (B,)),
        ((A, B), (C, B), (A, D), Outcome.MERGED, (C, D)),
        ((A, B), (C, B), (D, B), Outcome.CONFLICT, (C, B)),
        ((A, B), (A, B), (B, A), Outcome.WORKBOOK, (B, A)),
        ((A, B, C), (A, B, C), (A, C, B), Outcome.UNCHANGED, (A, B, C)),
        ((A, B), (B,), (A,), Outcome.CONFLICT, (B,)),
        ((A,), (A,), None, Outcome.WORKBOOK, None),
        (None, (A,), (B,), Outcome.MERGED, (A, B)),
        ((A,), (A, B), (A, B), Outcome.AGREED, (A, B)),
    ],
)
def test_sets_merge_member_by_member(base: Any, panel: Any, workbook: Any, outcome: Outcome, value: Any) -> None:
    assert merge_sets(Versions(base, panel, workbook)) == Merged(outcome, value)


@pytest.mark.parametrize(
    ("panel", "workbook", "outcome"),
    [
        ("Brno", "Brno", Outcome.AGREED),
        ("Brno", "Praha", Outcome.BASE_UNKNOWN),
        ((A, B), (B, A), Outcome.AGREED),
        (None, "Brno", Outcome.BASE_UNKNOWN),
    ],
)
def test_without_a_base_a_difference_needs_a_yes(panel: Any, workbook: Any, outcome: Outcome) -> None:
    assert merge_unknown(panel, workbook) == Merged(outcome, panel)


values = st.sampled_from([None, A, B, C])
sets = st.lists(st.sampled_from([A, B, C, D]), unique=True).map(lambda members: tuple(members) or None)


@given(values)
def test_a_value_that_nobody_touched_plans_nothing(value: Any) -> None:
    assert merge(Versions(value, value, value)) == Merged(Outcome.UNCHANGED, value)


@given(sets, sets)
def test_an_untouched_set_keeps_the_panels(base: Any, panel: Any) -> None:
    merged = merge_sets(Versions(base, panel, base))
    assert merged.value == panel
    assert merged.outcome in {Outcome.UNCHANGED, Outcome.PANEL}


@given(sets, sets, sets)
def test_a_merged_set_keeps_what_each_side_added_and_drops_what_each_side_removed(
    base: Any, panel: Any, workbook: Any
) -> None:
    merged = merge_sets(Versions(base, panel, workbook))
    if merged.outcome is not Outcome.MERGED:
        return
    was, theirs, ours = set(base or ()), set(panel or ()), set(workbook or ())
    assert set(merged.value or ()) == (theirs | ours) - (was - theirs) - (was - ours)


@given(sets, sets, sets)
def test_merging_twice_equals_merging_once(base: Any, panel: Any, workbook: Any) -> None:
    merged = merge_sets(Versions(base, panel, workbook))
    if merged.outcome is Outcome.MERGED:
        again = merge_sets(Versions(base, merged.value, workbook))
        assert set(again.value or ()) == set(merged.value or ())
