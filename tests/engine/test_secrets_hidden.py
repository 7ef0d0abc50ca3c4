"""What goes wrong is told without the secret that went wrong."""

from __future__ import annotations

import traceback

import pytest
from pydantic import SecretStr, ValidationError

from engine.channels import ChannelSecrets
from engine.errors import SettingsError
from engine.secrets import secret_box
from engine.settings import load_settings


@pytest.mark.parametrize(
    "kept", ['{"access_token": "sesame"}', '{"access_token": {"a": "sesame"}}', '["sesame"', "{}"]
)
def told(problem: BaseException) -> str:
    """Everything that a log would show of an error, but for the source lines."""
    chain = [problem]
    while (
        cause := chain[-1].__cause__ or (None if chain[-1].__suppress_context__ else chain[-1].__context__)
    ) is not None:
        chain.append(cause)
    return "".join(text for one in chain for text in traceback.format_exception_only(one))


@pytest.mark.parametrize(
    "kept", ['{"access_token": "sesame"}', '{"access_token": {"a": "sesame"}}', '["sesame"', "{}"]
)
def test_incomplete_channel_secrets_are_not_quoted(kept: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ChannelSecrets.model_validate_json(kept)
    assert "sesame" not in told(caught.value)


def test_secrets_do_not_show_themselves() -> None:
    secrets = ChannelSecrets(
        access_token=SecretStr("sesame"), app_secret=SecretStr("sesame"), verify_token=SecretStr("sesame")
    )
    assert "sesame" not in f"{secrets!r} {secrets} {secrets.model_dump()} {secrets.model_dump_json()}"


def test_a_key_that_is_none_is_not_quoted() -> None:
    settings = load_settings({"ULAK_SECRET_KEY": "sesame", "ULAK_REDIS_URL": "redis://:sesame@localhost"})
    assert "sesame" not in f"{settings!r}"
    with pytest.raises(SettingsError) as caught:
        secret_box(settings)
    assert "sesame" not in told(caught.value)


@pytest.mark.parametrize("name", ["PORT", "WORKERS", "TIMEZONE", "GRAPH_VERSION"])
def test_a_malformed_setting_is_named_and_not_quoted(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({f"ULAK_{name}": "sesame"})
    assert f"ULAK_{name}" in caught.value.message
    assert "sesame" not in told(caught.value)
