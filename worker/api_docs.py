"""The API's documentation page, drawn from its OpenAPI description without a script or a request elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

STYLE = """
body{font:15px/1.5 Inter,system-ui,sans-serif;margin:3rem auto;max-width:60rem;padding:0 1rem}
body{color:#16211d;background:#fbfbf9}
h1{font-size:1.5rem}h2{font-size:1rem;margin:2rem 0 .3rem}
code{background:#f2f3ef;padding:.1rem .3rem;border-radius:4px}
table{border-collapse:collapse}td{padding:.2rem 1rem .2rem 0;vertical-align:top}.m{color:#0e7c66;font-weight:600}
@media(prefers-color-scheme:dark){body{color:#e8eeea;background:#101614}code{background:#18211e}.m{color:#3cc2a0}}
"""


def page_of(description: dict[str, Any]) -> str:
    """The page. `description` is the OpenAPI document."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Ulak REST API</title>",
        f"<style>{STYLE}</style><h1>Ulak REST API</h1>",
        "<p>Send <code>Authorization: Bearer TOKEN</code> (the token is in <code>api.token</code> under "
        "<code>ULAK_HOME</code>) and <code>X-Ulak-As: NAME</code>. What creates something takes an "
        "<code>Idempotency-Key</code>: the same key twice does it once. "
        "<a href='openapi.json'>openapi.json</a></p>",
    ]
    for path, verbs in description["paths"].items():
        for verb, call in verbs.items():
            parts.append(f"<h2><span class=m>{escape(verb.upper())}</span> <code>/api/v1{escape(path)}</code></h2>")
            parts.append(f"<p>{escape(call.get('description') or call.get('summary', ''))}</p>")
            parts.append(_parameters(call.get("parameters", [])))
            parts.append(_body(call, description))
    return "".join(parts)


def _parameters(parameters: list[dict[str, Any]]) -> str:
    own = [p for p in parameters if p["name"] not in {"authorization", "x-ulak-as"}]
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code><td>{escape(p['in'])}{' (required)' if p.get('required') else ''}"
        f"<td>{escape(p.get('description', ''))}"
        for p in own
    )
    return f"<table>{rows}</table>" if rows else ""


def _body(call: dict[str, Any], description: dict[str, Any]) -> str:
    for content in call.get("requestBody", {}).get("content", {}).values():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        schema = description.get("components", {}).get("schemas", {}).get(name, {})
        rows = "".join(
            f"<tr><td><code>{escape(field)}</code><td>{'required' if field in schema.get('required', []) else ''}"
            f"<td>{escape(facts.get('description', ''))}"
            for field, facts in schema.get("properties", {}).items()
        )
        return f"<table>{rows}</table>" if rows else ""
    return ""
