"""The doors a page uses: the warehouse of this process, Redis, the settings. Nothing of it is session state."""

from __future__ import annotations

import threading

import redis

from engine import live
from engine.settings import Settings, current_settings
from engine.warehouse import Warehouse
from engine.warehouse.shared import shared_warehouse

_lock = threading.Lock()
_clients: dict[str, redis.Redis] = {}


def settings() -> Settings:
    """The settings of this process."""
    return current_settings()


def warehouse() -> Warehouse:
    """The warehouse of this process. Take one cursor per page run: `warehouse().cursor()`."""
    return shared_warehouse()


def live_redis() -> redis.Redis:
    """A client for Redis, one per address.

    Raises:
        QueueUnavailable: no server is known for this home.
    """
    address = live.redis_url(current_settings())
    with _lock:
        if address not in _clients:
            _clients[address] = live.connect(current_settings())
        return _clients[address]
