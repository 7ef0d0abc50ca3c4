"""The sandbox's keys are made once, kept from others' eyes, and the same for everybody."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

from engine.sandbox import ensure_credentials
from engine.settings import Settings


def test_the_first_call_makes_a_file_that_only_the_owner_reads(settings: Settings) -> None:
    made = ensure_credentials(settings)
    path = settings.sandbox_credentials_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_credentials(settings) == made
    assert [file.name for file in path.parent.iterdir()] == ["credentials.json"]


def test_two_first_calls_at_once_agree(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: ensure_credentials(settings).access_token, range(16)))) == 1


def test_ids_are_digits_and_secrets_differ_from_store_to_store(settings: Settings) -> None:
    made = ensure_credentials(settings)
    assert (made.waba_id + made.phone_number_id + made.portfolio_id).isdigit()
    assert made.sender == "902125550100"
    settings.sandbox_credentials_path.unlink()
    assert ensure_credentials(settings).access_token != made.access_token
