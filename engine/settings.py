"""Settings of every process, read once from the environment (prefix `ULAK_`).

An unknown or malformed `ULAK_` name stops the start with one sentence.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from engine.errors import SettingsError

PREFIX = "ULAK_"
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseModel):
    """All settings; each field's description is its documentation (README, `ulak doctor`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(
        Path("data"), validate_default=True, description="Folder of the store, the snapshots, media, logs and keys."
    )
    redis_url: SecretStr | None = Field(
        None,
        description="A Redis or Valkey server (7.2 or newer, AOF on, noeviction). Unset: Ulak starts its own.",
    )
    host: str = Field("127.0.0.1", description="Address the pages listen on. Beyond loopback needs sign-in.")
    port: Port = Field(8501, description="Port of the pages and the REST API.")
    receiver_host: str = Field("127.0.0.1", description="Address the webhook receiver listens on.")
    receiver_port: Port = Field(8502, description="Port of the webhook receiver.")
    sandbox_port: Port = Field(8503, description="Port of the sandbox (the simulated Graph API).")
    graph_url: str = Field("https://graph.facebook.com", description="Address of the Graph API.")
    graph_version: str = Field("v25.0", pattern=r"^v\d+\.\d+$", description="Version in each Graph API path.")
    workers: int = Field(2, ge=1, le=64, description="Worker processes that `ulak up` starts.")
    snapshot_url: str | None = Field(
        None,
        description="Folder of the frozen audiences, when not under HOME (for workers on other machines).",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Fernet key for the secrets at rest. Unset: a 0600 file under HOME, made at first start.",
    )
    default_region: str = Field("TR", pattern=r"^[A-Z]{2}$", description="Region of phone numbers without a country.")
    timezone: str = Field("Europe/Istanbul", description="The business's time zone (IANA name).")
    language: Literal["en", "tr"] = Field("en", description="Language of the pages until a person chooses one.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is no IANA time zone, such as Europe/Istanbul") from None
        return value

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def database_path(self) -> Path:
        """The DuckDB file."""
        return self.home / "ulak.duckdb"

    @property
    def operations_folder(self) -> Path:
        """Where the frozen audiences lie: `<folder>/<operation_id>/recipients.parquet`."""
        return Path(self.snapshot_url) if self.snapshot_url else self.home / "operations"

    @property
    def run_folder(self) -> Path:
        """Where running processes leave their socket, addresses and locks."""
        return self.home / "run"

    @property
    def media_folder(self) -> Path:
        """Uploaded media, by content hash."""
        return self.home / "media"

    @property
    def sandbox_credentials_path(self) -> Path:
        """JSON (0600) that the sandbox writes and the sandbox channel is made from: access_token, app_secret,
        verify_token, waba_id, phone_number_id, portfolio_id."""
        return self.home / "sandbox" / "credentials.json"

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone."""
        return ZoneInfo(self.timezone)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: a name with the prefix is unknown, or a value is malformed.
    """
    names = os.environ if environ is None else environ
    _refuse_unknown_names(names)
    values = {
        field: names[key]
        for field in Settings.model_fields
        if (key := PREFIX + field.upper()) in names and names[key]
    }
    try:
        settings = Settings.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(name=name, reason=first["msg"].removeprefix("Value error, ")) from None
    _refuse_open_host(settings.host)
    return settings


@lru_cache(maxsize=1)
def current_settings() -> Settings:
    """The settings of this process, read at the first call."""
    return load_settings()


def _refuse_unknown_names(names: Mapping[str, str]) -> None:
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise SettingsError(name=name, reason=f"is no setting of Ulak; {hint}")


def _refuse_open_host(host: str) -> None:
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            name=PREFIX + "HOST",
            reason="opens the pages beyond this machine, and there is no sign-in yet; use 127.0.0.1",
        )
