"""The web process's one warehouse: pages, REST API and recorder share it.

Streamlit runs `app.py` anew at each rerun, so what must live longer lives in an imported module such as this.
"""

from __future__ import annotations

import threading

from engine.settings import current_settings
from engine.warehouse.connection import Warehouse, open_warehouse

_lock = threading.Lock()
_opened: list[Warehouse] = []


def shared_warehouse() -> Warehouse:
    """The warehouse of this process, opened (and migrated) at the first call."""
    with _lock:
        if not _opened:
            settings = current_settings()
            _opened.append(open_warehouse(settings.database_path, (settings.operations_folder,)))
        return _opened[0]


def close_shared_warehouse() -> None:
    """Close it, at the end of the process or of a test; the next call opens it again."""
    with _lock:
        while _opened:
            _opened.pop().close()
