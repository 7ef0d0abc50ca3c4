"""What a segment is: facet choices and a tree of comparisons, frozen, with a JSON round trip.

Nothing here knows DuckDB, polars or a language. The JSON is what the store keeps, and what the CLI and REST take:

    {"facets": {"city": {"include": ["İstanbul", null], "exclude": []}},
     "rule": {"kind": "all", "rules": [{"kind": "is", "field": "age", "operator": "greater", "value": 30}]}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, model_validator

from engine.errors import InvalidRule
from engine.words import N_

Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...] | None
MAX_DEPTH = 8
MAX_RULES = 200

SEGMENT_FIELD = "@segment"
LIST_FIELD = "@list"
SHARE_FIELD = "@share"
PERSON_FIELD = "@person"
IMPORT_FIELD = "@import"
OPERATION_FIELD = "@operation"
MESSAGED_FIELD = "@messaged"
"""Names that are no column: who is in a segment, list, file or operation, the stable random share, "name or phone",
the last message from us. Those that behave like a column (`@began`, `@window`, …) are in `activity`."""


class Model(BaseModel):
    """Frozen, and refuses a name it doesn't know: a misspelt key must not widen an audience."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Comparison(Model):
    """One condition on one field, e.g. city / equals / İzmir."""

    kind: Literal["is"] = "is"
    field: str
    operator: str
    value: Value = None


class AllOf(Model):
    """Holds when every rule holds (an empty one always)."""

    kind: Literal["all"] = "all"
    rules: tuple[Rule, ...] = ()


class AnyOf(Model):
    """Holds when at least one rule holds (an empty one never)."""

    kind: Literal["any"] = "any"
    rules: tuple[Rule, ...] = ()


class Not(Model):
    """Holds for everybody for whom the rule doesn't; comparisons are never "unknown"."""

    kind: Literal["not"] = "not"
    rule: Rule


Rule = Annotated[AllOf | AnyOf | Not | Comparison, Field(discriminator="kind")]


class FacetChoice(Model):
    """The values of one field that are included and excluded; None stands for "no value"."""

    include: frozenset[str | None] = frozenset()
    exclude: frozenset[str | None] = frozenset()

    @model_validator(mode="after")
    def _one_side(self) -> FacetChoice:
        if self.include & self.exclude:
            raise ValueError("a value can't be included and excluded at once")
        return self

    @field_serializer("include", "exclude")
    def _sorted(self, values: frozenset[str | None]) -> list[str | None]:
        return sorted(values, key=lambda value: (value is None, value or ""))

    @property
    def is_empty(self) -> bool:
        """Nothing is chosen."""
        return not (self.include or self.exclude)

    def clicked(self, value: str | None) -> FacetChoice:
        """The choice after one click on a value: include, then exclude, then clear."""
        if value in self.include:
            return FacetChoice(include=self.include - {value}, exclude=self.exclude | {value})
        if value in self.exclude:
            return FacetChoice(include=self.include, exclude=self.exclude - {value})
        return FacetChoice(include=self.include | {value}, exclude=self.exclude)


class Segment(Model):
    """Facets (all of them hold) and one rule; empty means everybody."""

    facets: Mapping[str, FacetChoice] = {}
    rule: Rule | None = None

    @model_validator(mode="after")
    def _small_enough(self) -> Segment:
        if self.rule is not None:
            depth, count = _measure(self.rule)
            if depth > MAX_DEPTH or count > MAX_RULES:
                raise ValueError(f"has more than {MAX_DEPTH} levels or {MAX_RULES} comparisons")
        return self

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def is_empty(self) -> bool:
        """It says nothing: everybody is in it."""
        return all(choice.is_empty for choice in self.facets.values()) and _says_nothing(self.rule)

    @property
    def fingerprint(self) -> str:
        """A short hash of the definition: equal definitions, equal fingerprints."""
        chosen = {name: choice.model_dump() for name, choice in self.facets.items() if not choice.is_empty}
        rule = self.rule.model_dump(mode="json") if self.rule is not None else None
        text = json.dumps([chosen, rule], sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def comparisons(self) -> Iterator[Comparison]:
        """Every comparison of the rule, in reading order."""
        if self.rule is not None:
            yield from _comparisons(self.rule)

    def with_facet(self, field: str, choice: FacetChoice) -> Segment:
        """The segment with one facet's choice replaced (an empty choice removes it)."""
        facets = {name: kept for name, kept in self.facets.items() if name != field}
        if not choice.is_empty:
            facets[field] = choice
        return Segment(facets=facets, rule=self.rule)

    def with_rule(self, rule: AllOf | AnyOf | Not | Comparison | None) -> Segment:
        """The segment with its rule replaced."""
        return Segment(facets=self.facets, rule=rule)


def parse_segment(text: str | bytes | Mapping[str, Any]) -> Segment:
    """Read a segment from JSON text or from what was parsed out of it.

    Raises:
        InvalidRule: it isn't JSON, or not in this shape; the reason names the place.
    """
    try:
        if isinstance(text, (str, bytes)):
            return Segment.model_validate_json(text)
        return Segment.model_validate(text)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        reason = f"{place}: {reason}" if place else reason
        raise InvalidRule(reason=reason, problem=N_("this is not in the shape of a segment")) from None


def _comparisons(rule: AllOf | AnyOf | Not | Comparison) -> Iterator[Comparison]:
    if isinstance(rule, Comparison):
        yield rule
    elif isinstance(rule, Not):
        yield from _comparisons(rule.rule)
    else:
        for inner in rule.rules:
            yield from _comparisons(inner)


def _says_nothing(rule: AllOf | AnyOf | Not | Comparison | None) -> bool:
    """No rule, or all of nothing. (Any of nothing says a lot: nobody.)"""
    return rule is None or (isinstance(rule, AllOf) and all(_says_nothing(each) for each in rule.rules))


def _measure(rule: AllOf | AnyOf | Not | Comparison) -> tuple[int, int]:
    """(depth, number of comparisons and groups)."""
    if isinstance(rule, Comparison):
        return 1, 1
    inner = [_measure(rule.rule)] if isinstance(rule, Not) else [_measure(each) for each in rule.rules]
    return 1 + max((depth for depth, _ in inner), default=0), 1 + sum(count for _, count in inner)
