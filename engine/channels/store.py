"""The channels: in DuckDB (the record), in Redis (what receiver and workers read, without DuckDB).

Secrets are Fernet tokens in both; they are opened in the process that needs them and never shown.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TypeAlias

import duckdb
import redis
from cryptography.fernet import Fernet
from pydantic import ValidationError

from engine import live
from engine.channels.provider import Channel, ChannelSecrets
from engine.clock import to_store
from engine.errors import InputError, NotFound
from engine.ids import new_id
from engine.secrets import open_sealed, secret_box
from engine.settings import Settings
from engine.warehouse import Warehouse, audit
from engine.words import N_

Encodable: TypeAlias = "bytes | bytearray | memoryview[int] | str | int | float"
Hash: TypeAlias = "dict[Encodable, Encodable]"

_COLUMNS = (
    "channel_id, name, provider, portfolio_id, waba_id, phone_number_id, graph_url, graph_version, rate_per_second,"
    " display_phone, verified_name, status, quality_rating, app_id"
)


def list_channels(cursor: duckdb.DuckDBPyConnection) -> list[Channel]:
    """Every channel in use, oldest first."""
    rows = cursor.execute(
        f"SELECT {_COLUMNS} FROM channels WHERE archived_at IS NULL ORDER BY created_at, channel_id"
    )
    return [_channel(row) for row in rows.fetchall()]


def get_channel(cursor: duckdb.DuckDBPyConnection, channel_id: str) -> Channel:
    """One channel.

    Raises:
        NotFound: there is none of that id.
    """
    rows = cursor.execute(f"SELECT {_COLUMNS} FROM channels WHERE channel_id = ?", [channel_id]).fetchall()
    if not rows:
        raise NotFound(kind="channel", id=channel_id)
    return _channel(rows[0])


def get_secrets(cursor: duckdb.DuckDBPyConnection, settings: Settings, channel_id: str) -> ChannelSecrets:
    """A channel's secrets, opened.

    Raises:
        NotFound: there is no such channel.
        SettingsError: they were sealed with another key.
    """
    rows = cursor.execute("SELECT secrets FROM channels WHERE channel_id = ?", [channel_id]).fetchall()
    if not rows:
        raise NotFound(kind="channel", id=channel_id)
    return _opened(secret_box(settings), rows[0][0])


def add_channel(
    warehouse: Warehouse, settings: Settings, channel: Channel, secrets: ChannelSecrets, *, who: str, now: datetime
) -> Channel:
    """Add a channel; an empty `channel_id` gets a new one. Publish afterwards (`publish_channels`).

    Raises:
        InputError: a field is empty, or the number is a channel already.
    """
    for field in ("name", "waba_id", "phone_number_id", "portfolio_id"):
        if not getattr(channel, field).strip():
            raise InputError(reason=N_("fill every field of the channel"), field=field)
    kept = channel if channel.channel_id else channel.model_copy(update={"channel_id": new_id("ch", now)})
    sealed = seal_secrets(settings, secrets)
    with warehouse.writing() as cursor:
        taken = cursor.execute(
            "SELECT 1 FROM channels WHERE channel_id = ?"
            " OR (archived_at IS NULL AND phone_number_id = ? AND graph_url = ?)",
            [kept.channel_id, kept.phone_number_id, kept.graph_url],
        ).fetchall()
        if taken:
            raise InputError(reason=N_("this number is a channel already"), field="phone_number_id")
        values = kept.model_dump() | {"secrets": sealed, "created_by": who, "created_at": to_store(now)}
        marks = ", ".join("?" for _ in values)
        cursor.execute(f"INSERT INTO channels ({', '.join(values)}) VALUES ({marks})", list(values.values()))
        audit(cursor, who=who, verb="added", subject=("channel", kept.channel_id), now=now, name=kept.name)
    return kept


def archive_channel(
    warehouse: Warehouse, client: redis.Redis | None, channel_id: str, *, who: str, now: datetime
) -> None:
    """Take a channel out of use; what was sent through it stays.

    Raises:
        NotFound: there is no such channel in use.
    """
    with warehouse.writing() as cursor:
        gone = cursor.execute(
            "UPDATE channels SET archived_at = ? WHERE channel_id = ? AND archived_at IS NULL RETURNING channel_id",
            [to_store(now), channel_id],
        ).fetchall()
        if not gone:
            raise NotFound(kind="channel", id=channel_id)
        audit(cursor, who=who, verb="archived", subject=("channel", channel_id), now=now)
    if client is not None:
        client.srem(live.CHANNELS, channel_id)


def set_rate(
    warehouse: Warehouse, client: redis.Redis, channel_id: str, rate: float, *, who: str, now: datetime
) -> None:
    """Change what a channel sends at most, in messages a second; running operations follow at once.

    Raises:
        InputError: the rate is outside 0.1 to 1,000.
    """
    if not 0.1 <= rate <= 1000:
        raise InputError(reason=N_("the rate must be between 0.1 and 1,000 messages a second"), field="rate")
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE channels SET rate_per_second = ? WHERE channel_id = ?", [rate, channel_id])
        audit(cursor, who=who, verb="re-rated", subject=("channel", channel_id), now=now, rate=rate)
    client.hset(live.channel_key(channel_id), "rate", rate)


def keep_app_id(warehouse: Warehouse, channel_id: str, app_id: str, *, who: str, now: datetime) -> None:
    """Remember which app a channel's token belongs to.

    Raises:
        InputError: it isn't made of digits.
    """
    if not (app_id.isascii() and app_id.isdigit()):
        raise InputError(reason=N_("an app id has digits alone"), field="app_id")
    with warehouse.writing() as cursor:
        cursor.execute("UPDATE channels SET app_id = ? WHERE channel_id = ?", [app_id, channel_id])
        audit(cursor, who=who, verb="named app", subject=("channel", channel_id), now=now, app_id=app_id)


def publish_channels(warehouse: Warehouse, client: redis.Redis, settings: Settings) -> list[str]:
    """Copy every channel and portfolio to Redis; what the scripts keep there (bucket, halt) stays.

    Returns: the channel ids.
    """
    cursor = warehouse.cursor()
    channels = list_channels(cursor)
    sealed = dict(cursor.execute("SELECT channel_id, secrets FROM channels").fetchall())
    portfolios = cursor.execute("SELECT portfolio_id, tier, messaging_limit FROM portfolios").fetchall()
    with client.pipeline(transaction=True) as pipe:
        for channel in channels:
            pipe.hset(live.channel_key(channel.channel_id), mapping=_published(channel, sealed[channel.channel_id]))
        for portfolio_id, tier, limit in portfolios:
            values: Hash = {"tier": tier or "", "limit": -1 if limit is None else limit}
            pipe.hset(live.portfolio_key(portfolio_id), mapping=values)
        pipe.delete(live.CHANNELS)
        if channels:
            pipe.sadd(live.CHANNELS, *(channel.channel_id for channel in channels))
        pipe.execute()
    return [channel.channel_id for channel in channels]


def load_channel(client: redis.Redis, settings: Settings, channel_id: str) -> tuple[Channel, ChannelSecrets]:
    """A channel and its opened secrets from Redis, for processes without DuckDB.

    Raises:
        NotFound: it isn't published.
        SettingsError: the secrets were sealed with another key.
    """
    record, token = client.hmget(live.channel_key(channel_id), "record", "secrets")
    return channel_of_hash(settings, channel_id, record, token)


def channel_of_hash(
    settings: Settings, channel_id: str, record: bytes | str | None, token: bytes | str | None
) -> tuple[Channel, ChannelSecrets]:
    """The same from the two values of the hash, for callers with an asyncio client."""
    if record is None or token is None:
        raise NotFound(kind="channel", id=channel_id)
    return Channel.model_validate_json(record), _opened(secret_box(settings), token)


def _published(channel: Channel, sealed: str) -> Hash:
    return {
        "record": channel.model_dump_json(),
        "secrets": sealed,
        "rate": channel.rate_per_second,
        "portfolio": channel.portfolio_id,
        "waba_id": channel.waba_id,
        "phone_number_id": channel.phone_number_id,
    }


def seal_secrets(settings: Settings, secrets: ChannelSecrets) -> str:
    """The secrets as a Fernet token."""
    return secret_box(settings).encrypt(json.dumps(secrets.plain()).encode()).decode()


def _opened(box: Fernet, token: str | bytes) -> ChannelSecrets:
    try:
        return ChannelSecrets.model_validate_json(open_sealed(box, token))
    except ValidationError as problem:
        raise InputError(
            reason=N_("the stored secrets of the channel are incomplete; add the channel again")
        ) from problem


def _channel(row: tuple[object, ...]) -> Channel:
    return Channel.model_validate(dict(zip(_COLUMNS.replace("\n", " ").split(", "), row, strict=True)))
