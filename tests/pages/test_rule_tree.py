"""The tree of rules as a form edits it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.segments import AllOf, AnyOf, Comparison, Not
from pages.ui.rule_tree import Group, read_tree, with_kind, with_part, without, write_tree

A, B, C = (Comparison(field=name, operator="empty") for name in ("city", "name", "email"))


def test_a_single_comparison_is_a_group_of_one() -> None:
    assert read_tree(A) == Group("all", (A,))
    assert read_tree(None) == Group("all")


def test_none_of_several_is_read_and_written() -> None:
    rule = AllOf(rules=(A, Not(rule=AnyOf(rules=(B, C)))))
    tree = read_tree(rule)
    assert tree == Group("all", (A, Group("none", (B, C))))
    assert write_tree(tree) == rule


def test_a_part_goes_into_the_group_at_its_path() -> None:
    tree = Group("all", (A, Group("any", (B,))))
    assert with_part(tree, (1,), C) == Group("all", (A, Group("any", (B, C))))
    assert with_kind(tree, (1,), "none") == Group("all", (A, Group("none", (B,))))
    assert without(tree, (1, 0)) == Group("all", (A, Group("any")))
    assert without(tree, (0,)) == Group("all", (Group("any", (B,)),))


def test_a_group_still_empty_changes_nobody() -> None:
    assert write_tree(Group("all", (A, Group("none")))) == AllOf(rules=(A,))
    assert write_tree(Group("none", (Group("any"),))) is None


parts = st.recursive(
    st.sampled_from([A, B, C]),
    lambda inner: st.builds(
        Group, st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(st.builds(Group, st.sampled_from(["all", "any", "none"]), st.lists(parts, min_size=1, max_size=3).map(tuple)))
def test_what_was_written_is_read_back_to_the_same_rule(tree: Group) -> None:
    rule = write_tree(tree)
    assert write_tree(read_tree(rule)) == rule
