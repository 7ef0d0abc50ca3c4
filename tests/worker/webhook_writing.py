"""Writes webhook bodies as WhatsApp does, signed, for tests and benchmarks of the receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import redis

from engine.channels.provider import Channel, ChannelSecrets
from engine.contacts.person import person_key
from engine.live import CHANNELS, STORE, channel_key
from engine.operations import ledger
from engine.secrets import secret_box
from engine.settings import Settings

SALT = bytes(range(16))
EPOCH = "e1"
CHANNEL, WABA, NUMBER, PORTFOLIO = "sandbox", "w1", "5550001", "p1"
SECRETS = {"access_token": "access-1", "app_secret": "app-secret-1", "verify_token": "verify-1"}
OPERATION = "op-20261122-151002-7f3a91"
AT_S = 1_763_800_000


def phone_of(recipient_no: int) -> str:
    """The number of a recipient, digits."""
    return f"9053212{recipient_no:05d}"


def person_of(recipient_no: int) -> bytes:
    """The person of a recipient."""
    return person_key(SALT, phone_of(recipient_no), None)


def publish_store(client: redis.Redis, settings: Settings, **secrets: str) -> None:
    """What web publishes: salt, epoch, the channel with its secrets."""
    box = secret_box(settings)
    client.hset(STORE, mapping={"salt": box.encrypt(SALT.hex().encode()), "epoch": EPOCH, "suppressions": "1"})
    channel = Channel(
        channel_id=CHANNEL,
        name="Sandbox",
        provider="sandbox",
        portfolio_id=PORTFOLIO,
        waba_id=WABA,
        phone_number_id=NUMBER,
        graph_url="http://127.0.0.1:1",
        graph_version="v25.0",
        rate_per_second=1000,
    )
    sealed = box.encrypt(json.dumps(SECRETS | secrets).encode())
    ChannelSecrets.model_validate(SECRETS | secrets)
    fields = {"record": channel.model_dump_json(), "secrets": sealed, "rate": 1000, "portfolio": PORTFOLIO}
    client.hset(channel_key(CHANNEL), mapping=fields)
    client.sadd(CHANNELS, CHANNEL)


def make_operation(client: redis.Redis, count: int, *, operation_id: str = OPERATION, claim: bool = True) -> None:
    """A ledger of `count` recipients, all claimed under attempt 1."""
    spec = ledger.LedgerSpec(
        operation_id, 1, EPOCH, count, 5000, CHANNEL, PORTFOLIO, "MARKETING", template="offer/tr"
    )
    ledger.run(client, ledger.create(spec, b"".join(person_of(number) for number in range(count))))
    for start in range(0, count if claim else 0, 1000):
        ledger.run(
            client,
            ledger.claim(
                operation_id,
                job="1.job",
                token=f"t{start}",
                channel_id=CHANNEL,
                portfolio_id=PORTFOLIO,
                candidates=range(start, min(count, start + 1000)),
                not_after_ms=0,
                horizon_ms=10_000_000,
            ),
        )


def status(
    recipient_no: int, word: str, *, attempt: int = 1, operation: str = OPERATION, **more: Any
) -> dict[str, Any]:
    """One entry of `statuses`."""
    code = more.pop("code", None)
    entry: dict[str, Any] = {
        "id": f"wamid.{recipient_no}.{attempt}",
        "status": word,
        "timestamp": str(AT_S),
        "recipient_id": phone_of(recipient_no),
        "biz_opaque_callback_data": f"{operation}:{recipient_no}:{attempt}",
    }
    if code is not None:
        entry["errors"] = [{"code": code, "title": "x", "error_data": {"details": "y"}}]
    return entry | more


def message(
    recipient_no: int, text: str = "", *, at_s: int = AT_S, kind: str = "text", **more: Any
) -> dict[str, Any]:
    """One entry of `messages`."""
    entry: dict[str, Any] = {
        "from": phone_of(recipient_no),
        "id": f"wamid.in.{recipient_no}.{at_s}",
        "timestamp": str(at_s),
        "type": kind,
    }
    if text:
        entry["text"] = {"body": text}
    return entry | more


def change(field: str, value: dict[str, Any], *, time: int = AT_S) -> dict[str, Any]:
    """A whole body with one change."""
    entry = {"id": WABA, "time": time, "changes": [{"field": field, "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def messages(**value: Any) -> dict[str, Any]:
    """A whole body of the field `messages`."""
    whole = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}}
    return change("messages", whole | value)


def preference(recipient_no: int, value: str, *, at_s: int = AT_S) -> dict[str, Any]:
    """A whole body of the field `user_preferences`."""
    item = {
        "wa_id": phone_of(recipient_no),
        "category": "marketing_messages",
        "value": value,
        "timestamp": at_s,
    }
    return change("user_preferences", {"metadata": {"phone_number_id": NUMBER}, "user_preferences": [item]})


def signed(body: dict[str, Any] | bytes, secret: str = SECRETS["app_secret"]) -> tuple[bytes, dict[str, str]]:
    """The raw bytes and the headers of a POST."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    seal = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return raw, {"x-hub-signature-256": f"sha256={seal}", "content-type": "application/json"}
