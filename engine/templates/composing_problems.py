"""One thing that is wrong with a draft. The texts are English, marked for translation, filled by `values`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, and what to do.

    Attributes:
        part: name, language, category, header, body, footer, offer, buttons, `buttons.0`, cards, `card.0`,
            `card.0.1` (its second button), code.
        is_error: it keeps the draft from being submitted.
        is_missing: nothing is wrong yet, something is only not there.
    """

    part: str
    what: str
    advice: str
    is_error: bool
    values: Mapping[str, str | int] = field(default_factory=dict)
    is_missing: bool = False

    @property
    def sentence(self) -> str:
        """Both texts in English."""
        return f"{self.what.format(**self.values)}. {self.advice.format(**self.values)}"


def error(part: str, what: str, advice: str, **values: str | int) -> Problem:
    """A problem that the provider would refuse."""
    return Problem(part, what, advice, True, values)


def missing(part: str, what: str, advice: str, **values: str | int) -> Problem:
    """Something that isn't written yet."""
    return Problem(part, what, advice, True, values, is_missing=True)


def hint(part: str, what: str, advice: str, **values: str | int) -> Problem:
    """Something that is better changed."""
    return Problem(part, what, advice, False, values)
