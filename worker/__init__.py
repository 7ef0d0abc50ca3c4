"""Processes: worker, dispatcher, receiver, recorder, REST API, supervisor and the command line."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ulak")
except PackageNotFoundError:  # run from the source tree, not installed
    __version__ = "0"
