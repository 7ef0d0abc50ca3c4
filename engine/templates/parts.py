"""What a template is made of, as frozen records: components, buttons, the cards of a carousel.

Source: whatsapp.md §1.4, §1.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
OTP_URL = "whatsapp.com/otp/"
"""A one-time code's button often comes back as a URL button that leads here."""


class Button(BaseModel):
    """One button, in the order of the template."""

    model_config = ConfigDict(frozen=True)

    kind: str
    text: str = ""
    url: str = ""
    phone_number: str = ""
    example: str = ""

    @property
    def is_otp(self) -> bool:
        """The button of a one-time code, in either form."""
        return self.kind == "OTP" or (self.kind == "URL" and OTP_URL in self.url)

    @property
    def is_dynamic(self) -> bool:
        """A URL button that ends in a variable."""
        return self.kind == "URL" and not self.is_otp and VARIABLE.search(self.url) is not None

    @property
    def url_prefix(self) -> str:
        """The URL up to its variable."""
        return VARIABLE.split(self.url)[0]


class Component(BaseModel):
    """One component: HEADER, BODY, FOOTER, BUTTONS, LIMITED_TIME_OFFER, CAROUSEL, or one that can only be listed."""

    model_config = ConfigDict(frozen=True)

    kind: str
    format: str = ""
    text: str = ""
    example: Mapping[str, Any] = {}
    buttons: tuple[Button, ...] = ()
    cards: tuple[Card, ...] = ()
    has_expiration: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """The names in its text: digits in order of number, names in order of appearance."""
        names = list(dict.fromkeys(VARIABLE.findall(self.text)))
        return tuple(sorted(names, key=int) if all(name.isdigit() for name in names) else names)

    @property
    def examples(self) -> dict[str, str]:
        """What the author gave as an example, by variable."""
        start = "header_text" if self.kind == "HEADER" else "body_text"
        if rows := self.example.get(f"{start}_named_params"):
            return {str(row["param_name"]): str(row.get("example", "")) for row in rows}
        values = self.example.get(start) or []
        first = values[0] if values and isinstance(values[0], list) else values
        return {str(number): str(value) for number, value in enumerate(first, start=1)}

    @property
    def header_example(self) -> str:
        """The link to a media header's example."""
        return first_example(self.example.get("header_handle"))


class Card(BaseModel):
    """One card of a carousel."""

    model_config = ConfigDict(frozen=True)

    components: tuple[Component, ...] = ()

    def component(self, kind: str) -> Component | None:
        """The component of that kind, if there is one."""
        return next((part for part in self.components if part.kind == kind), None)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Its buttons in order."""
        part = self.component("BUTTONS")
        return part.buttons if part else ()


Component.model_rebuild()


def first_example(value: Any) -> str:
    """The first example, "" where there is none: examples come as a list or as a text."""
    first = value[0] if isinstance(value, list) and value else value
    return str(first) if isinstance(first, str | int | float) else ""
