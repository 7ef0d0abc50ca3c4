"""What the nodes of the simulated business look like: the phone number and the WhatsApp Business Account.

Source: reference §6.2 and Meta's OpenAPI examples.
"""

from __future__ import annotations

import base64
from typing import Any

from engine.sandbox.account import VERIFIED_NAME
from engine.sandbox.refusals import Refusal, invalid
from engine.sandbox.world import World

APP_ID = "3000000000000001"
PHONE_DEFAULT = ("verified_name", "code_verification_status", "display_phone_number", "quality_rating", "id")
PHONES_DEFAULT = ("id", "display_phone_number", "verified_name", "status", "quality_rating")
WABA_DEFAULT = ("id", "name", "timezone_id", "message_template_namespace")


def phone_node(world: World) -> dict[str, Any]:
    """All fields of the phone number."""
    account, keys = world.account, world.credentials
    return {
        "id": keys.phone_number_id,
        "display_phone_number": keys.display_phone_number,
        "verified_name": VERIFIED_NAME,
        "status": account.status,
        "quality_rating": account.quality,
        "name_status": "APPROVED",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": account.throughput_level},
        "whatsapp_business_manager_messaging_limit": account.tier,
        "messaging_limit_tier": account.tier,
        "account_mode": "SANDBOX",
        "is_official_business_account": False,
        "country_dial_code": "90",
        "quality_score": {"score": account.quality},
        "health_status": _health(world),
    }


def waba_node(world: World) -> dict[str, Any]:
    """All fields of the WhatsApp Business Account."""
    return {
        "id": world.credentials.waba_id,
        "name": VERIFIED_NAME,
        "currency": "USD",
        "timezone_id": "132",
        "message_template_namespace": "5a4db0c1_0000_4000_8000_0000000sandbx",
        "account_review_status": "APPROVED",
        "business_verification_status": "VERIFIED",
        "country": "TR",
        "ownership_type": "SELF",
        "primary_business_location": "TR",
        "marketing_messages_lite_api_status": "INELIGIBLE",
        "whatsapp_business_manager_messaging_limit": world.account.tier,
        "health_status": _health(world),
    }


def chosen_fields(
    asked: str | None, known: set[str] | frozenset[str], default: tuple[str, ...], kind: str
) -> tuple[str, ...]:
    """The fields of a `fields=` parameter, `id` always among them.

    Raises:
        Refusal: code 100 for the whole call when one field is unknown.
    """
    if not asked:
        return default
    fields = tuple(name.strip() for name in asked.split(",") if name.strip())
    for name in fields:
        if name not in known:
            raise unknown_field(name, kind)
    return fields


def unknown_field(name: str, kind: str) -> Refusal:
    """Code 100: a field that the node doesn't have."""
    return invalid(f"Tried accessing nonexisting field ({name}) on node type ({kind})")


def cursor(position: int) -> str:
    """A paging cursor, as opaque as the real one."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=") + "ZD"


def position_of(text: str) -> int:
    """What a cursor points at.

    Raises:
        Refusal: it is no cursor.
    """
    core = text.removesuffix("ZD")
    try:
        return int(base64.urlsafe_b64decode(core + "=" * (-len(core) % 4)))
    except ValueError:
        raise invalid("Invalid cursors values provided.") from None


def page(nodes: list[dict[str, Any]], query: dict[str, str], url: str) -> dict[str, Any]:
    """One page of nodes with its cursors: `next` is absent on the last page, `previous` on the first."""
    limit = _limit(query.get("limit"))
    if "before" in query:
        end = position_of(query["before"])
        start = max(0, end - limit)
    else:
        start = position_of(query["after"]) + 1 if "after" in query else 0
        end = min(len(nodes), start + limit)
    answer: dict[str, Any] = {"data": nodes[start:end]}
    if not answer["data"]:
        return answer
    answer["paging"] = {"cursors": {"before": cursor(start), "after": cursor(end - 1)}}
    kept = "&".join(f"{name}={value}" for name, value in query.items() if name not in ("after", "before"))
    if end < len(nodes):
        answer["paging"]["next"] = f"{url}?{kept}&after={cursor(end - 1)}"
    if start > 0:
        answer["paging"]["previous"] = f"{url}?{kept}&before={cursor(start)}"
    return answer


def _limit(text: str | None) -> int:
    if text is None:
        return 25
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise invalid("Param limit must be an integer greater than 0")
    return int(text)


def _health(world: World) -> dict[str, Any]:
    keys = world.credentials
    verdict = "AVAILABLE" if world.account.status == "CONNECTED" else "BLOCKED"
    ids = (
        ("PHONE_NUMBER", keys.phone_number_id),
        ("WABA", keys.waba_id),
        ("BUSINESS", keys.portfolio_id),
        ("APP", APP_ID),
    )
    entities = [{"entity_type": kind, "id": node_id, "can_send_message": verdict} for kind, node_id in ids]
    return {"can_send_message": verdict, "entities": entities}
