"""What a template asks of whoever sends it, compiled once from its components, and the check of one message.

The check refuses what the Cloud API refuses, with its codes: 132000 count, 132012 format, 131008 missing,
132018 a value with line breaks, tabs or five spaces, 132005 too long. Source: reference §1.4, §1.5, §10.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from engine.sandbox.payloads import Component, Parameter
from engine.sandbox.refusals import Refusal, invalid, refuse
from engine.sandbox.values import check_media, check_text, text_of

VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
BODY_LIMIT = 1024
BODY_ONLY_LIMIT = 32_768
HEADER_LIMIT = 60
URL_LIMIT = 2000
MEDIA_KINDS = ("image", "video", "document")
KNOWN_COMPONENTS = ("header", "body", "button")


@dataclass(frozen=True, slots=True)
class Line:
    """A text with variables: their names in order, how often each stands in it, and the length of the rest."""

    part: str
    names: tuple[str, ...] = ()
    repeats: dict[str, int] = field(default_factory=dict)
    rest_length: int = 0
    limit: int = BODY_LIMIT


@dataclass(frozen=True, slots=True)
class Button:
    """One button of the template; `needs` is the parameter it requires, None for a button that takes none."""

    kind: str
    text: str
    sub_type: str
    needs: str | None
    rest_length: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """What a message with this template has to carry."""

    is_named: bool
    header_kind: str | None
    header: Line
    body: Line
    buttons: tuple[Button, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether a message needs no component at all."""
        header = self.header_kind in (*MEDIA_KINDS, "location") or self.header.names
        return not (header or self.body.names or any(button.needs for button in self.buttons))


def shape_of(node: dict[str, Any]) -> Shape:
    """Compile a template node."""
    parts = {component["type"]: component for component in node["components"]}
    is_named = node.get("parameter_format") == "NAMED"
    header = parts.get("HEADER")
    alone = set(parts) == {"BODY"}
    return Shape(
        is_named=is_named,
        header_kind=header["format"].lower() if header else None,
        header=_line("header", (header or {}).get("text", ""), is_named, HEADER_LIMIT),
        body=_line("body", parts["BODY"]["text"], is_named, BODY_ONLY_LIMIT if alone else BODY_LIMIT),
        buttons=tuple(_button(button) for button in parts.get("BUTTONS", {}).get("buttons", [])),
    )


def check_components(shape: Shape, components: list[Component], media_types: dict[str, str]) -> dict[int, str]:
    """Refuse what doesn't fit the template; return the payloads given to quick replies, by button index.

    Raises:
        Refusal: a component is missing, unknown, doubled, or has the wrong parameters.
    """
    if not components and shape.is_fixed:
        return {}
    singles, buttons = _sorted_parts(components)
    _check_header(shape, singles.get("header", []), media_types)
    _check_line(shape.body, singles.get("body", []), shape.is_named)
    payloads: dict[int, str] = {}
    for position, button in enumerate(shape.buttons):
        given = buttons.pop(position, None)
        if given is not None and (given.sub_type or "").lower() != button.sub_type:
            raise _button_refusal(132012, position, button, f"does not match sub_type {given.sub_type}")
        payload = _check_button(position, button, given.parameters if given else [])
        if payload is not None:
            payloads[position] = payload
    for position in buttons:
        raise refuse(131009, f"buttons: Button index {position} is not in the template")
    return payloads


def _sorted_parts(components: list[Component]) -> tuple[dict[str, list[Parameter]], dict[int, Component]]:
    singles: dict[str, list[Parameter]] = {}
    buttons: dict[int, Component] = {}
    for position, component in enumerate(components):
        kind = component.type.lower()
        if kind not in KNOWN_COMPONENTS:
            known = ", ".join(name.upper() for name in KNOWN_COMPONENTS)
            raise invalid(f"Param template['components'][{position}]['type'] must be one of {{{known}}}.")
        if kind == "button":
            index = _index(position, component.index)
            if index in buttons:
                raise invalid(f"Param template['components'][{position}]['index'] is duplicated.")
            buttons[index] = component
        elif kind in singles:
            raise invalid(f"Param template['components'][{position}]['type'] is duplicated.")
        else:
            singles[kind] = component.parameters
    return singles, buttons


def _index(position: int, given: int | str | None) -> int:
    text = str(given)
    if not (text.isascii() and text.isdigit()):
        raise refuse(131008, f"template['components'][{position}]['index'] is required for buttons")
    return int(text)


def _check_header(shape: Shape, given: list[Parameter], media_types: dict[str, str]) -> None:
    kind = shape.header_kind
    if kind is None or kind == "text":
        _check_line(shape.header, given, shape.is_named)
        return
    received = given[0].type.upper() if len(given) == 1 else "UNKNOWN"
    if len(given) != 1 or given[0].type != kind:
        raise refuse(132012, f"header: Format mismatch, expected {kind.upper()}, received {received}")
    if kind == "location":
        if given[0].location is None:
            raise refuse(131008, "header: Parameter of type location is missing location value")
        return
    check_media(kind, getattr(given[0], kind), media_types)


def _check_line(line: Line, given: list[Parameter], is_named: bool) -> None:
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


def _check_button(position: int, button: Button, given: list[Parameter]) -> str | None:
    """Check one button's parameters; the payload, if it is a quick reply and was given one."""
    if button.needs is None and button.sub_type != "quick_reply":
        if given:
            raise _button_refusal(132018, position, button, "does not have parameters")
        return None
    if not given:
        if button.needs:
            raise _button_refusal(131008, position, button, "requires a parameter")
        return None
    wanted = button.needs or "payload"
    value = getattr(given[0], wanted) if given[0].type == wanted else None
    if len(given) != 1 or value is None:
        raise _button_refusal(132012, position, button, f"expects one parameter of type {wanted}")
    check_text("buttons", value)
    if wanted == "text" and button.rest_length + len(value) > URL_LIMIT:
        raise refuse(132005, f"buttons: URL of button at index {position} is too long")
    if wanted == "coupon_code" and not (value.isalnum() and len(value) <= 20):
        raise refuse(131009, f"buttons: coupon_code of button at index {position} is not valid")
    if wanted == "payload" and len(value) > 256:
        raise refuse(131009, f"buttons: payload of button at index {position} is too long")
    return str(value) if wanted == "payload" else None


def _button_refusal(code: int, position: int, button: Button, sentence: str) -> Refusal:
    return refuse(code, f"buttons: Button at index {position} of type {button.kind.title()} {sentence}")


def _line(part: str, text: str, is_named: bool, limit: int) -> Line:
    repeats = Counter(VARIABLE.findall(text))
    names = tuple(repeats) if is_named else tuple(sorted(repeats, key=int))
    return Line(part, names, dict(repeats), len(VARIABLE.sub("", text)), limit)


def _button(button: dict[str, Any]) -> Button:
    kind = button["type"]
    url = button.get("url", "")
    needs = {"COPY_CODE": "coupon_code"}.get(kind)
    if VARIABLE.search(url):
        needs = "text"
    return Button(kind, button.get("text", ""), kind.lower(), needs, len(VARIABLE.sub("", url)))
