"""What a provider is to the rest: a channel, its secrets, and the one named outcome of each send.

Mirrors the outcomes of `docs/architecture.md`; knows nothing of HTTP, ledgers or stores. `client.py` builds the one
HTTP client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, SecretStr

from engine.channels.client import make_client

__all__ = ["Channel", "ChannelSecrets", "Outcome", "OutcomeKind", "Provider", "make_client"]

OutcomeKind = Literal["accepted", "held", "retry", "skip", "suppress", "halt_operation", "halt_channel", "unknown"]


class Channel(BaseModel):
    """One sender number at one provider; frozen, without its secrets.

    Attributes:
        rate_per_second: what Ulak sends at most, in messages a second, in and out together.
        app_id: the app of the access token; example files of new templates are uploaded to it.
    """

    model_config = ConfigDict(frozen=True)

    channel_id: str
    name: str
    provider: str
    portfolio_id: str
    waba_id: str
    phone_number_id: str
    graph_url: str
    graph_version: str
    rate_per_second: float
    display_phone: str | None = None
    verified_name: str | None = None
    status: str | None = None
    quality_rating: str | None = None
    app_id: str | None = None

    @property
    def base_url(self) -> str:
        """Where the Graph API of this channel is, with its version."""
        return f"{self.graph_url.rstrip('/')}/{self.graph_version}"


class ChannelSecrets(BaseModel):
    """What a channel needs and nobody sees: they never show in a repr, an error, a log or a page."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    access_token: SecretStr
    app_secret: SecretStr
    verify_token: SecretStr

    def plain(self) -> dict[str, str]:
        """The values in clear, to be sealed at once."""
        return {name: value.get_secret_value() for name, value in self}


@dataclass(frozen=True)
class Outcome:
    """What one send came to.

    Attributes:
        kind: accepted, held (pacing), retry (after `retry_after_ms`), skip (this row failed; whether the template
            is at fault, `classify(code)` says), suppress (the person stopped marketing), halt_operation,
            halt_channel, unknown (it may have gone out).
        code: the provider's error code; 0 when there was none.
        wa_id: the provider's own id of the person, digits; it may differ from the number sent to.
    """

    kind: OutcomeKind
    code: int = 0
    message_id: str = ""
    retry_after_ms: int = 0
    wa_id: str = ""
    user_id: str = ""
    trace_id: str = ""


class Provider(Protocol):
    """What sending needs of a provider. `send` never raises for what the provider or the network did."""

    async def send(self, payload: Mapping[str, Any] | bytes) -> Outcome:
        """Post one message."""
        ...
