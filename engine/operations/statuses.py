"""What one status of the provider means for the ledger: the worker's error table, applied to what comes by webhook.

An asynchronous failure is tried again after ten minutes at least (providers contradict themselves); a failure that
halts gives its row back for later. Source: the provider's error pages, as in `channels.errors_table`.
"""

from __future__ import annotations

from engine.channels.errors_table import classify
from engine.channels.webhook_events import StatusUpdate
from engine.contacts.phones import parse_phone
from engine.errors import InvalidPhone
from engine.operations.hearing_types import moment_ms
from engine.operations.ledger import Action, Change
from engine.operations.states import PRICE_CATEGORIES, PRICE_TYPES, DeliveryState, pack_pricing

ASYNCHRONOUS_DELAY_MS = 600_000
THROUGHPUT_CODE = 130429
STATES = {"sent": DeliveryState.SENT, "delivered": DeliveryState.DELIVERED, "read": DeliveryState.READ}
_KINDS = {name: number for number, name in enumerate(PRICE_TYPES)}
_CATEGORIES = {name: number for number, name in enumerate(PRICE_CATEGORIES)}
_OTHER = _CATEGORIES["other"]
_ACTIONS = {
    "suppress": Action.SUPPRESS,
    "template_error": Action.TEMPLATE_ERROR,
    "halt_operation": Action.HALT_OPERATION,
    "halt_channel": Action.HALT_CHANNEL,
}
_ENDING = frozenset({"skip", "suppress"})


def change_of(update: StatusUpdate, now_ms: int) -> Change:
    """The word that a status is.

    Args:
        now_ms: from when a retry's delay is reckoned.
    """
    at_ms = moment_ms(update.at_s, now_ms)
    state = STATES.get(update.word)
    if state is not None:
        flags = pricing_of(update)
        return Change(update.recipient_no, update.attempt, state, 0, 0, at_ms, flags, update.message_id)
    return _failure(update, at_ms, now_ms)


def pricing_of(update: StatusUpdate) -> int:
    """The pricing bits of a status; a category nobody knows is `other`."""
    if not update.price_category and not update.price_type:
        return 0
    return pack_pricing(_KINDS.get(update.price_type, 0), _CATEGORIES.get(update.price_category, _OTHER))


def halts_channel(code: int) -> bool:
    """Whether an error that belongs to no row stops the channel."""
    return classify(code, asynchronous=True).action == "halt_channel"


def _failure(update: StatusUpdate, at_ms: int, now_ms: int) -> Change:
    place = (update.recipient_no, update.attempt)
    if update.code is None:
        return Change(*place, DeliveryState.FAILED, at_ms=at_ms, message_id=update.message_id)
    rule = classify(update.code, asynchronous=True, country=_country(update))
    if rule.action in _ENDING or (rule.action == "retry" and not rule.delays_ms):
        action = _ACTIONS.get(rule.action, Action.NONE)
        return Change(
            *place, DeliveryState.FAILED, update.code, at_ms=at_ms, message_id=update.message_id, action=action
        )
    action = Action.SLOW_DOWN if update.code == THROUGHPUT_CODE else _ACTIONS.get(rule.action, Action.NONE)
    delay_ms = max(rule.delay_ms(update.attempt), ASYNCHRONOUS_DELAY_MS)
    return Change(
        *place,
        DeliveryState.RETRY,
        update.code,
        due_ms=now_ms + delay_ms,
        at_ms=at_ms,
        message_id=update.message_id,
        action=action,
        max_tries=rule.max_tries if rule.action == "retry" else 5,
    )


def _country(update: StatusUpdate) -> str | None:
    if update.phone:
        try:
            return parse_phone(f"+{update.phone}", "ZZ").country
        except InvalidPhone:
            return None
    prefix, dot, _ = update.user_id.partition(".")
    return prefix if dot and len(prefix) == 2 else None
