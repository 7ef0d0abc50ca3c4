"""Secrets at rest: one Fernet key, from `ULAK_SECRET_KEY` or a 0600 file made at first start."""

from __future__ import annotations

import os

from cryptography.fernet import Fernet, InvalidToken

from engine.errors import SettingsError
from engine.settings import Settings


def secret_box(settings: Settings) -> Fernet:
    """The box that seals and opens secrets.

    Raises:
        SettingsError: the key is no Fernet key (32 bytes, URL-safe base64).
    """
    key = settings.secret_key.get_secret_value().encode() if settings.secret_key else _key_of_home(settings)
    try:
        return Fernet(key)
    except ValueError:
        raise SettingsError(
            name="ULAK_SECRET_KEY", reason="is no Fernet key: it must be 32 bytes in URL-safe base64"
        ) from None


def open_sealed(box: Fernet, token: str | bytes) -> str:
    """What a token holds.

    Raises:
        SettingsError: the token was sealed with another key.
    """
    try:
        return box.decrypt(token).decode()
    except InvalidToken:
        raise SettingsError(
            name="ULAK_SECRET_KEY",
            reason="is not the key that sealed the stored secrets; give the former key",
        ) from None


def _key_of_home(settings: Settings) -> bytes:
    path = settings.home / "secret.key"
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(handle, "wb") as file:
        key = Fernet.generate_key()
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
