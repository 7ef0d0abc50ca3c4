"""`POST /{version}/{phone number id}/messages`, as a bare ASGI endpoint: this path has to stand thousands a second.

The order is the platform's: token, number, body, then limits; an accepted message is on disk before it is answered.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from engine.sandbox.identity import message_id, new_token, user_id_of, wa_id_of
from engine.sandbox.journal import Accepted, Refused
from engine.sandbox.ledger import PAIR_BURST, PAIR_MS
from engine.sandbox.media import MediaStore
from engine.sandbox.payloads import Message, decode_message
from engine.sandbox.people import STOPPED_MARKETING, fate_of
from engine.sandbox.refusals import Refusal, invalid, refuse, unknown_object
from engine.sandbox.shapes import check_components
from engine.sandbox.values import check_bsuid, phone_digits
from engine.sandbox.wire import answer, check_token, cut_line, read_body
from engine.sandbox.world import MARKETING, World

CALLBACK_LIMIT = 512
TEXT_LIMIT = 4096
LOOK_SECONDS = 0.2


class MessagesEndpoint:
    """Takes one message a call."""

    def __init__(self, world: World, media: MediaStore) -> None:
        self.world = world
        self.media = media
        self.is_leaving = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send, phone_number_id: str) -> None:
        """Answer one POST."""
        raw = await read_body(receive)
        fault, delay, person = "", 0.0, ""
        try:
            check_token(scope, self.world.credentials)
            if phone_number_id != self.world.credentials.phone_number_id:
                raise unknown_object("post", phone_number_id)
            message = decode_message(raw)
            if message.status is not None:
                status, body = 200, self._mark_read(message)
            else:
                person = person_of(message)
                status, body, fault, delay = self._take(message, person)
        except Refusal as refusal:
            if person:
                self.world.refuse(Refused(self.world.clock(), person, refusal.code))
            status, body = refusal.status, refusal.body()
        if fault.endswith(("_cut", "cut_before")):
            await cut_line(scope, receive)
            return
        delay += self._latency()
        if delay and not await self._stays_silent(delay):
            await cut_line(scope, receive)
            return
        await answer(send, status, body)

    async def _stays_silent(self, seconds: float) -> bool:
        """Wait so long; False when the sandbox stops meanwhile."""
        while seconds > 0 and not self.is_leaving:
            await asyncio.sleep(min(seconds, LOOK_SECONDS))
            seconds -= LOOK_SECONDS
        return not self.is_leaving

    def _take(self, message: Message, person: str) -> tuple[int, bytes, str, float]:
        """Status, body, the fault that struck, and the seconds to hang; raises a Refusal."""
        world, box = self.world, self.world.box
        post_no = world.ledger.post(person, world.clock())
        for fault in ("cut_before", "refuse_500"):
            if box.strikes(fault, world.seed, person, post_no):
                world.refuse(Refused(world.clock(), person, 0, fault))
                return 500, b"", fault, 0.0
        if code := box.code_of("code", world.seed, person, post_no):
            raise refuse(code.code, code.details or "Injected by the sandbox.")
        draft = self._checked(message, person)
        self._check_limits(person)
        return self._accepted(draft, message, post_no)

    def _checked(self, message: Message, person: str) -> Accepted:
        """The message as it would be accepted."""
        if len(message.biz_opaque_callback_data or "") > CALLBACK_LIMIT:
            raise invalid(f"Param biz_opaque_callback_data must be at most {CALLBACK_LIMIT} characters long.")
        if person == self.world.credentials.sender:
            raise refuse(131021, "Recipient phone number is the same as the sender's.")
        now = self.world.clock()
        accepted = Accepted(0, now, message.to or "", person, "", message.biz_opaque_callback_data)
        if message.type == "text":
            self._check_text(message, person)
            return accepted
        if message.type != "template":
            raise refuse(131051, f"Message type {message.type} is not supported by the sandbox")
        return self._checked_template(message, person, accepted)

    def _check_text(self, message: Message, person: str) -> None:
        if message.text is None or not message.text.body:
            raise invalid("The parameter text['body'] is required.")
        if len(message.text.body) > TEXT_LIMIT:
            raise invalid(f"Param text['body'] must be at most {TEXT_LIMIT} characters long.")
        if self.world.ledger.person(person).window_ms <= self.world.clock():
            details = "Message failed to send because more than 24 hours have passed since the customer last replied."
            raise refuse(131047, details)

    def _checked_template(self, message: Message, person: str, accepted: Accepted) -> Accepted:
        given = message.template
        if given is None:
            raise invalid("The parameter template is required.")
        template = self.world.catalogue.find(given.name, given.language.code)
        if template is None or template.status in ("PENDING", "REJECTED", "IN_APPEAL", "ARCHIVED"):
            raise refuse(132001, f"template name ({given.name}) does not exist in {given.language.code}")
        if template.status == "PAUSED":
            raise refuse(132015, "The template is paused because of low quality.")
        if template.status == "DISABLED":
            raise refuse(132016, "The template was paused too many times and is now permanently disabled.")
        payloads = check_components(template.shape, given.components, self.media.types, self.world.clock())
        category = template.node["category"]
        texts = tuple(text for part in given.components for text in part.texts)
        accepted = msgspec.structs.replace(accepted, template=template.key, category=category, texts=texts)
        if category == MARKETING and self.world.ledger.person(person).has_stopped:
            return msgspec.structs.replace(accepted, fails_with=STOPPED_MARKETING)
        return msgspec.structs.replace(accepted, press=self._pressed(person, template.shape.buttons, payloads))

    def _pressed(self, person: str, buttons: tuple[Any, ...], payloads: dict[int, str]) -> tuple[str, str] | None:
        """(text, payload) of the quick reply that this person will press."""
        world = self.world
        replies = [(number, button.text) for number, button in enumerate(buttons) if button.sub_type == "quick_reply"]
        if not replies or not world.people.enabled or fate_of(world.people, world.seed, person).reaction != "button":
            return None
        number, text = replies[sum(person.encode()) % len(replies)]
        return text, payloads.get(number, text)

    def _check_limits(self, person: str) -> None:
        world, account, now = self.world, self.world.account, self.world.clock()
        ledger, known = world.ledger, world.ledger.person(person)
        if account.status != "CONNECTED":
            raise refuse(131031, "Business Account is restricted.")
        if account.enforce_throughput and ledger.accepted.present(now) >= account.throughput:
            raise refuse(130429, "Cloud API message throughput has been reached.")
        if account.enforce_pair and known.pair_ms - now > PAIR_BURST * PAIR_MS:
            details = (
                "Message failed to send because there were too many messages sent from this phone number to the same "
                "phone number in a short period of time."
            )
            raise refuse(131056, details)
        if not account.enforce_tier or account.limit is None or known.window_ms > now:
            return
        if not ledger.places.has(person, now) and ledger.places.present(now) >= account.limit:
            raise refuse(131048, "The messaging limit of the business portfolio is used up.")

    def _accepted(self, draft: Accepted, message: Message, post_no: int) -> tuple[int, bytes, str, float]:
        """Write the message down, then decide how it is answered."""
        world, box, person = self.world, self.world.box, draft.person
        faults = ("accept_then_500", "accept_then_cut", "accept_then_hang")
        fault = next((name for name in faults if box.strikes(name, world.seed, person, post_no)), "")
        later = box.code_of("webhook code", world.seed, person, post_no)
        is_held = draft.template and box.strikes("hold", world.seed, person, post_no)
        dropped = 132015 if is_held and box.faults.hold.dropped else 0
        accepted = msgspec.structs.replace(
            draft,
            n=world.next_no(),
            message_id=message_id(person, new_token()),
            fails_with=draft.fails_with or (later.code if later else dropped),
            hold_ms=round(box.faults.hold.seconds * 1000) if is_held else 0,
            fault=fault,
        )
        world.accept(accepted)
        if fault == "accept_then_500":
            return 500, b"", fault, 0.0
        hang = box.faults.accept_then_hang.seconds if fault == "accept_then_hang" else 0.0
        return 200, _receipt(accepted, message, "held_for_quality_assessment" if is_held else "accepted"), fault, hang

    def _mark_read(self, message: Message) -> bytes:
        if message.status != "read" or not message.message_id:
            raise invalid("Param status must be one of {READ}, with a message_id.")
        return b'{"success":true}'

    def _latency(self) -> float:
        faults = self.world.box.faults
        if not (faults.latency_ms or faults.latency_jitter_ms):
            return 0.0
        return (faults.latency_ms + faults.latency_jitter_ms * random.random()) / 1000


def person_of(message: Message) -> str:
    """Whom a message goes to: digits, or a business-scoped id; `to` wins.

    Raises:
        Refusal: nobody, or nobody that can be.
    """
    if message.recipient_type != "individual":
        raise invalid('Param recipient_type must be one of {INDIVIDUAL} - got "' + message.recipient_type + '".')
    if message.to:
        return phone_digits(message.to)
    if message.recipient:
        return check_bsuid(message.recipient)
    raise invalid("The parameter to is required.")


def _receipt(accepted: Accepted, message: Message, status: str) -> bytes:
    contact = {"input": message.to or message.recipient or ""}
    if accepted.person.isdigit():
        contact["wa_id"] = wa_id_of(accepted.person)
    if message.recipient:
        contact["user_id"] = user_id_of(accepted.person)
    sent = {"id": accepted.message_id}
    if accepted.template:
        sent["message_status"] = status
    return msgspec.json.encode({"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]})
