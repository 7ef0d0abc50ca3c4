"""Settings: read once, refused with one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.settings import load_settings


def test_defaults_need_no_environment() -> None:
    settings = load_settings({})
    assert (settings.host, settings.port, settings.default_region) == ("127.0.0.1", 8501, "TR")
    assert settings.home == Path("data").absolute()


def test_an_unknown_name_is_refused_with_the_right_one() -> None:
    with pytest.raises(SettingsError, match=r"ULAK_WORKRES is no setting of Ulak; did you mean ULAK_WORKERS\?"):
        load_settings({"ULAK_WORKRES": "3"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ULAK_PORT", "eighty"),
        ("ULAK_PORT", "0"),
        ("ULAK_TIMEZONE", "Istanbul"),
        ("ULAK_LANGUAGE", "fr"),
        ("ULAK_WORKERS", "0"),
        ("ULAK_GRAPH_VERSION", "25"),
        ("ULAK_DEFAULT_REGION", "Turkey"),
    ],
)
def test_a_malformed_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as problem:
        load_settings({name: value})
    assert problem.value.message.startswith(name)
    assert "\n" not in problem.value.message


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_a_host_beyond_loopback_refuses_to_start(host: str) -> None:
    with pytest.raises(SettingsError, match="ULAK_HOST"):
        load_settings({"ULAK_HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_loopback_is_fine(host: str) -> None:
    assert load_settings({"ULAK_HOST": host}).host == host


def test_an_empty_value_is_the_default() -> None:
    assert load_settings({"ULAK_PORT": ""}).port == 8501


def test_secrets_do_not_show() -> None:
    settings = load_settings({"ULAK_SECRET_KEY": "s3cret-key-text", "ULAK_REDIS_URL": "redis://:pw@127.0.0.1"})
    assert "s3cret" not in repr(settings)
    assert ":pw@" not in repr(settings)
