"""The provider's rules for a template that is being composed: each problem names its part, what is wrong, what to do.

Errors keep a draft from being submitted, hints don't. Source: whatsapp.md §1.4, §1.5, §10; the words of the
provider's own refusals (subcodes 2388040, 2388047, 2388072, 2388073, 2388293, 2388299). How many words a variable
needs is told by no page of the provider: twice the variables and one more is what its refusals let be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.templates.components import VARIABLE
from engine.templates.composing import LANGUAGES, MEDIA_FORMATS, DraftHeader, TemplateDraft, variables_of
from engine.templates.composing_buttons import button_problems
from engine.templates.composing_problems import Problem, error, hint, missing
from engine.words import N_

NAME_LIMIT, HEADER_LIMIT, BODY_LIMIT, OFFER_BODY_LIMIT, CARD_BODY_LIMIT = 512, 60, 1024, 600, 160
FOOTER_LIMIT, OFFER_LIMIT, APP_HASH_LENGTH = 60, 16, 11
NAME = re.compile(r"[a-z0-9_]+")
NAMED = re.compile(r"[a-z][a-z0-9_]*")
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\ufe0f\u200d]")
MARKUP = re.compile(r"[*_~`]")
SELLING = re.compile(
    r"%\s?\d|\d\s?%|\b(?:indirim\w*|kampanya\w*|f[ıi]rsat\w*|hediye\w*|sale|discount\w*|offers?|promo\w*|coupon\w*"
    r"|deals?|free gift)\b",
    re.IGNORECASE,
)


def check_draft(draft: TemplateDraft) -> tuple[Problem, ...]:
    """Everything that is wrong with a draft, part by part in the order of the page."""
    return tuple(_problems(draft))


def body_limit(draft: TemplateDraft) -> int:
    """How many characters the body may have."""
    return OFFER_BODY_LIMIT if draft.offer is not None and not draft.is_carousel else BODY_LIMIT


def as_name(text: str) -> str:
    """A name that the provider takes, made of what was typed."""
    plain = text.strip().lower().translate(str.maketrans("çğıöşüâî -./", "cgiosuai____"))
    return re.sub(r"_+", "_", re.sub(r"[^a-z0-9_]", "", plain)).strip("_")[:NAME_LIMIT]


def _problems(draft: TemplateDraft) -> Iterator[Problem]:
    yield from _name(draft)
    if draft.is_code:
        yield from _code(draft)
        return
    yield from _category(draft)
    if draft.is_carousel:
        yield from _body(draft)
        yield from _cards(draft)
        return
    yield from _header(draft.header, "header")
    yield from _body(draft)
    yield from _footer(draft)
    yield from _offer(draft)
    yield from button_problems(draft.buttons, "buttons")


def _name(draft: TemplateDraft) -> Iterator[Problem]:
    if not draft.name:
        yield missing("name", N_("The name is missing"), N_("Name it, such as winter_sale; people don't see it."))
    elif not NAME.fullmatch(draft.name):
        text = N_("A name has small letters a to z, digits and _ alone")
        yield error("name", text, N_("Write it as {name}."), name=as_name(draft.name) or "winter_sale")
    yield from _length("name", draft.name, NAME_LIMIT)
    if draft.language not in LANGUAGES:
        yield error("language", N_("Templates can't be made in this language"), N_("Choose one of the list."))


def _category(draft: TemplateDraft) -> Iterator[Problem]:
    words = " ".join([draft.header.text, draft.body, *(card.body for card in draft.cards)])
    if draft.category == "UTILITY" and (found := SELLING.search(words)):
        text = N_("“{word}” reads like marketing")
        advice = N_("The provider may move it to Marketing or refuse it; take it out, or choose Marketing.")
        yield hint("category", text, advice, word=found.group(0))


def _header(header: DraftHeader, part: str) -> Iterator[Problem]:
    if header.format in MEDIA_FORMATS and not header.media:
        yield missing(
            part, N_("The example file is missing"), N_("Choose one; reviewers see it, recipients get their own.")
        )
    if header.format != "TEXT":
        return
    text = header.text
    yield from _written(part, text, HEADER_LIMIT)
    yield from _variables(part, text, {name: header.example for name in variables_of(text)})
    if len(variables_of(text)) > 1:
        yield error(part, N_("A header has one variable at most"), N_("Move the others to the body."))
    if "\n" in text:
        yield error(part, N_("A header is one line"), N_("Take the line break out."))
    if MARKUP.search(VARIABLE.sub("", text)):
        yield error(part, N_("A header takes no formatting"), N_("Take * _ ~ and ` out; it is bold anyway."))
    if EMOJI.search(text):
        yield error(part, N_("A header takes no emoji"), N_("Move it to the body."))


def _body(draft: TemplateDraft) -> Iterator[Problem]:
    yield from _long_text("body", draft.body, body_limit(draft), dict(draft.examples))


def _long_text(part: str, text: str, limit: int, examples: dict[str, str]) -> Iterator[Problem]:
    """A body, of the message or of a card."""
    yield from _written(part, text, limit)
    yield from _variables(part, text, examples)
    names, words = variables_of(text), len(re.findall(r"\w+", VARIABLE.sub(" ", text)))
    if names and words < 2 * len(names) + 1:
        yield error(
            part,
            N_("Too little text for {count} variables"),
            N_("Write at least {words} words around them, or use fewer variables."),
            count=len(names),
            words=2 * len(names) + 1,
        )
    if "\n\n\n" in text.replace("\r\n", "\n"):
        yield error(part, N_("More than one blank line in a row"), N_("Leave one blank line at most."))
    if "     " in text:
        yield error(part, N_("More than four spaces in a row"), N_("Take some out."))
    if "\t" in text:
        yield error(part, N_("It holds a tab"), N_("Use a space."))


def _footer(draft: TemplateDraft) -> Iterator[Problem]:
    text = draft.footer
    if len(text) > FOOTER_LIMIT:
        yield from _length("footer", text, FOOTER_LIMIT)
    if "{{" in text:
        yield error("footer", N_("A footer takes no variables"), N_("Move it to the body."))
    if "\n" in text:
        yield error("footer", N_("A footer is one line"), N_("Take the line break out."))
    if text and draft.offer is not None:
        yield error("footer", N_("A limited-time offer has no footer"), N_("Empty it."))
    if draft.category == "MARKETING" and not text and draft.offer is None:
        yield hint(
            "footer",
            N_("Nothing says how to stop these messages"),
            N_("A line such as “Reply STOP to opt out”, or a button for it, keeps complaints low."),
        )


def _offer(draft: TemplateDraft) -> Iterator[Problem]:
    if draft.offer is None:
        return
    if not draft.offer.text.strip():
        yield missing("offer", N_("The offer's line is missing"), N_("Say what it is, such as “20% off today”."))
    yield from _length("offer", draft.offer.text, OFFER_LIMIT)
    if draft.category != "MARKETING":
        yield error("offer", N_("A limited-time offer is marketing"), N_("Choose Marketing, or take the offer out."))
    if draft.header.format not in {"NONE", "IMAGE", "VIDEO"}:
        yield error("offer", N_("An offer goes with an image or a video, or no header"), N_("Change the header."))
    if not any(button.kind == "URL" for button in draft.buttons):
        yield hint("offer", N_("No button leads to the offer"), N_("Add a button with a link."))


def _cards(draft: TemplateDraft) -> Iterator[Problem]:
    if not 2 <= len(draft.cards) <= 10:
        yield error("cards", N_("A carousel has 2 to 10 cards"), N_("Add or remove cards."))
    if len({card.header.format for card in draft.cards}) > 1:
        yield error("cards", N_("Some cards have an image, others a video"), N_("Give all the same kind of header."))
    if len({bool(card.body) for card in draft.cards}) > 1:
        yield error("cards", N_("Some cards have a text, others none"), N_("Give all of them a text, or none."))
    if len({tuple(button.kind for button in card.buttons) for card in draft.cards}) > 1:
        yield error("cards", N_("The cards' buttons differ"), N_("Give all the same kinds in the same order."))
    for index, card in enumerate(draft.cards):
        part = f"card.{index}"
        yield from _header(card.header, part)
        if card.header.format not in {"IMAGE", "VIDEO"}:
            yield error(part, N_("A card begins with an image or a video"), N_("Change its header."))
        if card.body:
            yield from _long_text(part, card.body, CARD_BODY_LIMIT, dict(card.examples))
        if not 1 <= len(card.buttons) <= 2:
            yield error(part, N_("A card has one or two buttons"), N_("Add or remove buttons."))
        yield from button_problems(card.buttons, part)


def _code(draft: TemplateDraft) -> Iterator[Problem]:
    code = draft.code
    if code.minutes is not None and not 1 <= code.minutes <= 90:
        yield error("code", N_("A code is good for 1 to 90 minutes"), N_("Change the minutes."))
    for text in (code.button, code.autofill):
        yield from _length("code", text, 25)
    if code.kind == "COPY_CODE":
        return
    if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", code.package_name):
        yield missing("code", N_("The app's package name is missing"), N_("Write it as com.example.shop."))
    if len(code.signature_hash) != APP_HASH_LENGTH:
        yield error("code", N_("The app's signature hash has 11 characters"), N_("Your developers know it."))
    if code.kind == "ZERO_TAP" and not code.has_terms:
        yield error("code", N_("Zero-tap has terms of its own"), N_("Accept them, or choose another way."))


def _written(part: str, text: str, limit: int) -> Iterator[Problem]:
    if not text.strip():
        yield missing(part, N_("The text is missing"), N_("Write it."))
    elif text != text.strip():
        yield hint(part, N_("It begins or ends with a blank"), N_("Take it out; the provider drops it."))
    yield from _length(part, text, limit)


def _length(part: str, text: str, limit: int) -> Iterator[Problem]:
    if len(text) > limit:
        yield error(
            part,
            N_("{count} characters; {limit} are allowed"),
            N_("Shorten it by {over}."),
            count=len(text),
            limit=limit,
            over=len(text) - limit,
        )


def _variables(part: str, text: str, examples: dict[str, str]) -> Iterator[Problem]:
    names = variables_of(text)
    if "{{" in VARIABLE.sub("", text) or "}}" in VARIABLE.sub("", text):
        advice = N_("Write it as {{{{1}}}} or {{{{name}}}}: letters, digits and _ between two braces.")
        yield error(part, N_("A variable isn't written right"), advice)
    if not names:
        return
    whole = text.strip()
    if VARIABLE.match(whole) or re.search(VARIABLE.pattern + r"$", whole):
        yield error(part, N_("A variable stands at the start or the end"), N_("Put a word before or after it."))
    if re.search(r"\}\}\{\{", text):
        yield error(part, N_("Two variables touch"), N_("Put a word between them."))
    numbers = [int(name) for name in names if name.isdigit()]
    if numbers and len(numbers) < len(names):
        yield error(part, N_("Numbers and names are mixed"), N_("Use numbers for all variables, or names for all."))
    elif numbers and sorted(numbers) != list(range(1, len(numbers) + 1)):
        yield error(part, N_("The numbers of the variables have a gap"), N_("Number them 1, 2, 3 and so on."))
    for name in [name for name in names if not name.isdigit() and not NAMED.fullmatch(name)]:
        yield error(
            part, N_("{name} is no name for a variable"), N_("Use small letters, digits and _ alone."), name=name
        )
    for name in [name for name in names if not examples.get(name, "").strip()]:
        yield missing(part, N_("The example for {name} is missing"), N_("Reviewers ask for one."), name=name)
