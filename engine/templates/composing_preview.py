"""A draft as a phone would show it: read as a template, filled with its examples, drawn from the payload of that."""

from __future__ import annotations

from engine.templates.bindings import MEDIA_MARK
from engine.templates.components import Template, parse_template
from engine.templates.composing import TemplateDraft
from engine.templates.composing_json import definition_of
from engine.templates.payload import PayloadBuilder
from engine.templates.render import Rendered, render_message
from engine.templates.slots import Slot

NO_MEDIA = MEDIA_MARK + "0" * 64
NOBODY = "+900000000000"
CODE, CODE_BUTTON = "123456", "Copy code"


def preview_of(draft: TemplateDraft, *, offer_ends_ms: int) -> Rendered:
    """What a recipient would see; a variable without an example shows its own mark."""
    template = template_of(draft)
    values = [_example(slot, offer_ends_ms) for slot in template.slots]
    files = {value.removeprefix(MEDIA_MARK): value for value in values if value.startswith(MEDIA_MARK)}
    payload = PayloadBuilder(template, files).build(NOBODY, None, values, "preview")
    return render_message(payload, template)


def template_of(draft: TemplateDraft, channel_id: str = "") -> Template:
    """The draft as if the provider had approved it; kept files stand for its example files."""
    if draft.is_code and not draft.code.button:
        draft = draft.model_copy(update={"code": draft.code.model_copy(update={"button": CODE_BUTTON})})
    node = definition_of(draft, draft.media_places())
    return parse_template(channel_id, node | {"id": "", "name": draft.name or "draft", "status": "APPROVED"})


def _example(slot: Slot, offer_ends_ms: int) -> str:
    if slot.is_optional:
        return ""
    if slot.is_media:
        return slot.example or NO_MEDIA
    if slot.kind == "moment":
        return str(offer_ends_ms)
    if slot.kind == "code":
        return slot.example or CODE
    mark = 1 if slot.kind == "url_suffix" else slot.name
    return slot.example or f"{{{{{mark}}}}}"
