"""Writes what the provider said of the account: its history, and the templates and limits that pages show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import duckdb

from engine.channels.notices import TemplateNews, new_limit, template_news
from engine.clock import from_ms, to_store
from engine.operations.stream import Entry

_ACCOUNT = """
    INSERT INTO account_events SELECT $1, $2, $3, $4
    WHERE NOT EXISTS (SELECT 1 FROM account_events
        WHERE happened_at = $1 AND channel_id IS NOT DISTINCT FROM $2 AND kind = $3 AND detail = $4)
"""
_CHANNELS = (
    "channel_id IN (SELECT channel_id FROM channels WHERE channel_id = $channel"
    " OR waba_id IN (SELECT waba_id FROM channels WHERE channel_id = $channel))"
)
_TEMPLATE = f"""
    UPDATE templates SET status = coalesce(nullif($status, ''), status),
        quality = coalesce(nullif($quality, ''), quality), category = coalesce(nullif($category, ''), category),
        rejected_reason = CASE WHEN $status <> '' THEN nullif($reason, '') ELSE rejected_reason END
    WHERE name = $name AND language = $language AND {_CHANNELS}
"""
_CHANGE = f"""
    INSERT INTO template_changes
    SELECT channel_id, name, language, $kind, coalesce({{column}}, ''), $new, $reason, 'webhook', $moment
    FROM templates
    WHERE name = $name AND language = $language AND {_CHANNELS} AND {{column}} IS DISTINCT FROM $new
"""


def record_notices(cursor: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> None:
    """Record account notices, each once; templates and portfolios follow them."""
    for entry, fact in [(each, fact) for each in entries for fact in each.facts]:
        field, value, channel = str(fact["field"]), fact.get("value"), str(fact.get("channel_id") or "")
        moment = to_store(from_ms(int(fact.get("at_ms") or entry.at_ms)))
        detail = json.dumps(value, ensure_ascii=False)
        added = cursor.execute(_ACCOUNT, [moment, channel or None, field, detail]).fetchall()[0][0]
        if not added or not isinstance(value, dict):
            continue
        _record_limit(cursor, new_limit(field, value), channel, moment)
        news = template_news(field, value)
        if news is not None:
            _record_changes(cursor, news, channel, moment)
            cursor.execute(
                _TEMPLATE,
                {
                    "status": news.status,
                    "quality": news.quality,
                    "category": news.category,
                    "reason": news.reason,
                    "name": news.name,
                    "language": news.language,
                    "channel": channel,
                },
            )


def _record_changes(cursor: duckdb.DuckDBPyConnection, news: TemplateNews, channel: str, moment: datetime) -> None:
    """What the notice says that wasn't known, for the templates' history."""
    place = {"name": news.name, "language": news.language, "channel": channel, "moment": moment}
    for kind, new in (("status", news.status), ("quality", news.quality), ("category", news.category)):
        if new:
            reason = news.reason if kind == "status" and news.reason != "NONE" else ""
            cursor.execute(_CHANGE.format(column=kind), {**place, "kind": kind, "new": new, "reason": reason})


def _record_limit(
    cursor: duckdb.DuckDBPyConnection, limit: tuple[int, str] | None, channel: str, moment: datetime
) -> None:
    if limit is None:
        return
    people, tier = limit
    cursor.execute(
        "UPDATE portfolios SET tier = ?, messaging_limit = ?, source = 'webhook', read_at = ? "
        "WHERE portfolio_id IN (SELECT portfolio_id FROM channels WHERE channel_id = ?)",
        [tier, None if people < 0 else people, moment, channel],
    )
