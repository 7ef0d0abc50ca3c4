"""The tree of rules as a form edits it: groups (all, any, none) within groups, each place known by its path.

Every group is drawn alike, so a tree is read as `Group`s and comparisons, and written back in its plainest form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.segments import AllOf, AnyOf, Comparison, Not, Rule

Kind = Literal["all", "any", "none"]
Path = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rules of which all, any or none hold."""

    kind: Kind
    parts: tuple[Group | Comparison, ...] = ()


def read_tree(rule: Rule | None) -> Group:
    """The rule as a group; a single comparison is a group of one."""
    if rule is None:
        return Group("all")
    found = _read(rule)
    return found if isinstance(found, Group) else Group("all", (found,))


def write_tree(group: Group) -> Rule | None:
    """The rule of a group; None when it holds no comparison."""
    bare = _without_empty(group)
    return None if bare is None else _write(bare)


def with_part(group: Group, path: Path, part: Group | Comparison) -> Group:
    """One more part in the group at a path."""
    inner = _at(group, path)
    return _replaced(group, path, replace(inner, parts=(*inner.parts, part)))


def with_kind(group: Group, path: Path, kind: Kind) -> Group:
    """The group at a path, combined in another way."""
    return _replaced(group, path, replace(_at(group, path), kind=kind))


def without(group: Group, path: Path) -> Group:
    """The tree without the part at a path; groups that are empty then stay, to be filled or removed."""
    inner, last = _at(group, path[:-1]), path[-1]
    return _replaced(group, path[:-1], replace(inner, parts=inner.parts[:last] + inner.parts[last + 1 :]))


def _read(rule: Rule) -> Group | Comparison:
    if isinstance(rule, Comparison):
        return rule
    if isinstance(rule, Not):
        inner = rule.rule
        parts = inner.rules if isinstance(inner, AnyOf) else (inner,)
        return Group("none", tuple(_read(each) for each in parts))
    return Group("any" if isinstance(rule, AnyOf) else "all", tuple(_read(each) for each in rule.rules))


def _write(part: Group | Comparison) -> Rule:
    if isinstance(part, Comparison):
        return part
    rules = tuple(_write(each) for each in part.parts)
    if part.kind == "none":
        return Not(rule=AnyOf(rules=rules))
    return AnyOf(rules=rules) if part.kind == "any" else AllOf(rules=rules)


def _without_empty(group: Group) -> Group | None:
    parts = tuple(
        kept
        for each in group.parts
        if (kept := _without_empty(each) if isinstance(each, Group) else each) is not None
    )
    return Group(group.kind, parts) if parts else None


def _at(group: Group, path: Path) -> Group:
    for place in path:
        inner = group.parts[place]
        assert isinstance(inner, Group)
        group = inner
    return group


def _replaced(group: Group, path: Path, part: Group) -> Group:
    if not path:
        return part
    place, inner = path[0], group.parts[path[0]]
    assert isinstance(inner, Group)
    parts = list(group.parts)
    parts[place] = _replaced(inner, path[1:], part)
    return replace(group, parts=tuple(parts))
