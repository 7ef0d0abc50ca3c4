"""The sandbox's keys: made once, kept in a 0600 file under the home, read by whoever makes its channel."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from engine.settings import Settings

DISPLAY_PHONE_NUMBER = "+90 212 555 01 00"


class Credentials(msgspec.Struct, frozen=True):
    """What the Graph API would have given a business: a token, the app's secret, and the ids of its assets."""

    access_token: str
    app_secret: str
    verify_token: str
    waba_id: str
    phone_number_id: str
    portfolio_id: str
    display_phone_number: str = DISPLAY_PHONE_NUMBER

    @property
    def sender(self) -> str:
        """The business's own number, digits alone."""
        return "".join(filter(str.isdigit, self.display_phone_number))


def new_credentials() -> Credentials:
    """Fresh random credentials."""
    return Credentials(
        access_token="EAAsandbox" + secrets.token_urlsafe(40).replace("-", "x").replace("_", "y"),
        app_secret=secrets.token_hex(16),
        verify_token=secrets.token_urlsafe(18),
        waba_id=_digits(15),
        phone_number_id=_digits(15),
        portfolio_id=_digits(15),
    )


def ensure_credentials(settings: Settings) -> Credentials:
    """The sandbox's credentials; the first call makes them, and two first calls at once agree."""
    path = settings.sandbox_credentials_path
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_once(path, msgspec.json.encode(new_credentials()))
    return msgspec.json.decode(path.read_bytes(), type=Credentials)


def _write_once(path: Path, content: bytes) -> None:
    # A whole file appears under the name at once, so nobody ever reads half of it.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _digits(count: int) -> str:
    return str(secrets.randbelow(9) + 1) + "".join(str(secrets.randbelow(10)) for _ in range(count - 1))
