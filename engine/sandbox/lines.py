"""The texts of a template that have variables: compiled once, and what a message gives for them checked.

132000 count, 132012 format, 131008 missing, 132018 forbidden characters, 132005 too long. Source: reference §10.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from engine.sandbox.payloads import Parameter
from engine.sandbox.refusals import refuse
from engine.sandbox.values import check_text, text_of

VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
BODY_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A text with variables: their names in order, how often each stands in it, and the length of the rest."""

    part: str
    names: tuple[str, ...] = ()
    repeats: dict[str, int] = field(default_factory=dict)
    rest_length: int = 0
    limit: int = BODY_LIMIT


def line_of(part: str, text: str, is_named: bool, limit: int) -> Line:
    """Compile a text."""
    repeats = Counter(VARIABLE.findall(text))
    names = tuple(repeats) if is_named else tuple(sorted(repeats, key=int))
    return Line(part, names, dict(repeats), len(VARIABLE.sub("", text)), limit)


def check_line(line: Line, given: list[Parameter], is_named: bool) -> None:
    """Refuse parameters that don't fit the text.

    Raises:
        Refusal: too many or few, of another kind, empty, or too long.
    """
    if len(given) != len(line.names):
        raise refuse(
            132000,
            f"{line.part}: number of localizable_params ({len(given)}) does not match the expected number of params "
            f"({len(line.names)})",
        )
    length = line.rest_length
    seen: set[str] = set()
    for name, parameter in zip(line.names, given, strict=True):
        if is_named:
            name = _given_name(line, parameter, seen)
        elif parameter.parameter_name is not None:
            raise refuse(
                132012, f"{line.part}: parameter_name is not allowed in a template with positional parameters"
            )
        value = text_of(line.part, parameter)
        check_text(line.part, value)
        length += len(value) * line.repeats[name]
    if length > line.limit:
        raise refuse(132005, f"{line.part}: text is {length} characters long, at most {line.limit} are allowed")


def _given_name(line: Line, parameter: Parameter, seen: set[str]) -> str:
    name = parameter.parameter_name
    if not name:
        raise refuse(100, "Parameter name is missing or empty")
    if name not in line.repeats or name in seen:
        raise refuse(132000, f"{line.part}: parameter {name} is not expected by the template")
    seen.add(name)
    return name
