"""A template while a person composes it: what they typed, whether or not the provider would take it.

Knows no provider call and no screen. `composing_json` turns it into the API's JSON and back, `composing_rules` says
what is wrong with it. Source: whatsapp.md §1.4–§1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.templates.components import VARIABLE
from engine.words import N_

HeaderFormat = Literal["NONE", "TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION"]
ButtonKind = Literal["QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "FLOW"]
Category = Literal["MARKETING", "UTILITY", "AUTHENTICATION"]
CodeKind = Literal["COPY_CODE", "ONE_TAP", "ZERO_TAP"]

MEDIA_FORMATS = frozenset({"IMAGE", "VIDEO", "DOCUMENT"})
CARD_FORMATS: tuple[HeaderFormat, ...] = ("IMAGE", "VIDEO")
CARD_BUTTONS: tuple[ButtonKind, ...] = ("QUICK_REPLY", "URL", "PHONE_NUMBER")
FEWEST_CARDS, MOST_CARDS, MOST_CARD_BUTTONS, MOST_BUTTONS = 2, 10, 2, 10

CATEGORY_WORDS: Mapping[str, str] = {
    "MARKETING": N_(
        "Offers, news, invitations, reminders to buy: everything that isn't strictly about something the person "
        "ordered or asked for. People can stop these messages."
    ),
    "UTILITY": N_(
        "About something the person did or agreed to: an order, a delivery, an appointment, an account. No offers; "
        "the provider moves a text that sells to Marketing, which costs more."
    ),
    "AUTHENTICATION": N_(
        "A one-time code to sign in or to confirm something. The provider writes the text itself; you choose the "
        "button and how long the code is good."
    ),
}
"""What each category is for, in plain words. Source: whatsapp.md §1.6, §8.2."""

LANGUAGES = (
    "tr", "en", "en_US", "en_GB", "ar", "de", "fr", "es", "es_AR", "es_ES", "es_MX", "it", "nl", "ru", "uk",
    "az", "fa", "ka", "kk", "ky_KG", "uz", "el", "bg", "ro", "sq", "sr", "mk", "hr", "sl", "hu", "cs", "sk",
    "pl", "pt_BR", "pt_PT", "da", "sv", "nb", "fi", "et", "lt", "lv", "ca", "he", "ur", "hi", "bn", "gu",
    "kn", "ml", "mr", "pa", "ta", "te", "id", "ms", "fil", "th", "vi", "lo", "ja", "ko", "zh_CN", "zh_HK",
    "zh_TW", "af", "sw", "zu", "ha", "ga", "rw_RW",
)  # fmt: skip
"""The codes that templates can be made in, the likely ones first."""


class DraftHeader(BaseModel):
    """The header of a message or of a card.

    Attributes:
        example: what stands for the variable of a text header.
        media: a kept file (`media:<hash>`), uploaded as the example when the template is submitted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: HeaderFormat = "NONE"
    text: str = ""
    example: str = ""
    media: str = ""


class DraftButton(BaseModel):
    """One button.

    Attributes:
        example: the whole URL once it is filled (URL), or a code (COPY_CODE).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ButtonKind = "QUICK_REPLY"
    text: str = ""
    url: str = ""
    phone_number: str = ""
    example: str = ""
    flow_id: str = ""
    screen: str = ""


class DraftOffer(BaseModel):
    """A limited-time offer: its line, and whether it counts down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = ""
    has_expiration: bool = True


class DraftCard(BaseModel):
    """One card of a carousel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: DraftHeader = DraftHeader(format="IMAGE")
    body: str = ""
    examples: Mapping[str, str] = {}
    buttons: tuple[DraftButton, ...] = ()


class DraftCode(BaseModel):
    """What can be chosen of an authentication template.

    Attributes:
        minutes: how long the code is said to be good; None says nothing.
        package_name, signature_hash: the Android app that takes the code by itself.
        has_terms: zero-tap's terms were accepted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: CodeKind = "COPY_CODE"
    has_advice: bool = True
    minutes: int | None = 10
    button: str = ""
    autofill: str = ""
    package_name: str = ""
    signature_hash: str = ""
    has_terms: bool = False


class TemplateDraft(BaseModel):
    """A template as it is composed. Parts that its category doesn't use are kept and left out of what is sent.

    Attributes:
        examples: what stands for each variable of the body.
        is_carousel: cards instead of header, footer and buttons.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    language: str = "tr"
    category: Category = "MARKETING"
    header: DraftHeader = DraftHeader()
    body: str = ""
    examples: Mapping[str, str] = {}
    footer: str = ""
    buttons: tuple[DraftButton, ...] = ()
    offer: DraftOffer | None = None
    is_carousel: bool = False
    cards: tuple[DraftCard, ...] = ()
    code: DraftCode = DraftCode()

    @property
    def is_code(self) -> bool:
        """Whether it is an authentication template, whose text the provider writes."""
        return self.category == "AUTHENTICATION"

    @property
    def is_named(self) -> bool:
        """Whether its variables have names instead of numbers."""
        texts = [self.body] if self.is_carousel else [self.header.text, self.body]
        texts += [card.body for card in self.cards] if self.is_carousel else []
        return any(not name.isdigit() for text in texts for name in variables_of(text))

    def headers(self) -> dict[str, DraftHeader]:
        """The headers that are in use, by place: `header`, or `card.0` and so on."""
        if self.is_code:
            return {}
        if self.is_carousel:
            return {f"card.{index}": card.header for index, card in enumerate(self.cards)}
        return {"header": self.header}

    def media_places(self) -> dict[str, str]:
        """The kept file of each header that needs an example file, by place; empty text: none chosen."""
        return {place: head.media for place, head in self.headers().items() if head.format in MEDIA_FORMATS}


def variables_of(text: str) -> tuple[str, ...]:
    """The variables of a text, each once: numbers in order, names as they come."""
    names = list(dict.fromkeys(VARIABLE.findall(text)))
    return tuple(sorted(names, key=int) if all(name.isdigit() for name in names) else names)


def with_variable(text: str) -> str:
    """The text with the next variable at its end: the next number, or the next free name."""
    names = variables_of(text)
    if all(name.isdigit() for name in names):
        mark = str(max((int(name) for name in names), default=0) + 1)
    else:
        mark = next(name for number in range(1, 1000) if (name := f"value_{number}") not in names)
    gap = "" if not text or text.endswith((" ", "\n")) else " "
    return f"{text}{gap}{{{{{mark}}}}}"
