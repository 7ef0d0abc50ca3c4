"""A simulated WhatsApp Cloud API: a real HTTP server with simulated people behind it.

It is the default channel of a new store, and what tests and benchmarks talk to. It refuses what the Graph API
refuses, writes each accepted message to disk before answering, and never deduplicates: its ledger is the judge
of what was really sent. It knows nothing of the product (no warehouse, no channels, no Redis).
"""

from __future__ import annotations

from engine.sandbox.credentials import Credentials, ensure_credentials

__all__ = ["Credentials", "ensure_credentials"]
