"""Messaging limits: what each portfolio may send in 24 hours, what is left, and how fast its numbers are."""

from __future__ import annotations

import streamlit as st

from engine.channels.store import list_channels
from engine.operations.limit import list_portfolios
from pages.ui import empty_state, guarded, header, t
from pages.ui.operation_limits import draw_portfolio
from pages.ui.services import live_redis, warehouse

LIVE_SECONDS = 5.0


def draw() -> None:
    """Every portfolio, its figures renewed by themselves."""
    header(
        t("Messaging limits"),
        t("How many different people an account may message in 24 hours outside open conversations, and how fast."),
    )
    with guarded():
        if not list_portfolios(warehouse().cursor()):
            empty_state(
                t("No channel yet"),
                t("The limits of each channel will stand here. The sandbox makes a channel at the first start."),
                icon=":material/speed:",
            )
            return
        st.fragment(_draw_all, run_every=LIVE_SECONDS)()


def _draw_all() -> None:
    with guarded():
        cursor = warehouse().cursor()
        channels = list_channels(cursor)
        for portfolio in list_portfolios(cursor):
            own = [channel for channel in channels if channel.portfolio_id == portfolio.portfolio_id]
            draw_portfolio(portfolio, own, live_redis())


draw()
