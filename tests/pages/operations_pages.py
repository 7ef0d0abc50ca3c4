"""The app with a small world behind it: a channel, templates, twelve contacts, Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis
from streamlit.testing.v1 import AppTest

from engine.settings import current_settings
from engine.warehouse.shared import shared_warehouse
from tests.engine.operations_world import World, add_contacts, make_world

APP = Path(__file__).parents[2] / "app.py"


def world_behind(client: redis.Redis, *, limit: int = -1) -> World:
    """Eleven contacts who can be messaged, and one who opted out."""
    made = make_world(shared_warehouse(), client, current_settings(), limit=limit)
    add_contacts(made.warehouse, [{}] * 11 + [{"consent": "opted_out"}])
    return made


def open_page(page: str, language: str = "en", **address: str) -> AppTest:
    """One page of the app, as Elif sees it."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.session_state["shell.person"] = "Elif"
    app.session_state["shell.language"] = language
    app.run()
    for name, value in address.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


def said(app: AppTest) -> str:
    """All that the page says, in one text."""
    kinds: tuple[Any, ...] = (app.title, app.subheader, app.markdown, app.caption, app.info, app.error, app.warning)
    return "\n".join(str(element.value) for kind in kinds for element in kind)
