"""Real worker and dispatcher against the real sandbox with its faults on; the sandbox's ledger is the judge."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.channels.cloud_api import CloudApi
from engine.channels.provider import Channel, ChannelSecrets, make_client
from engine.live import channel_key
from engine.operations import ledger
from engine.operations.snapshot_reader import snapshot_path
from engine.operations.states import DeliveryState, OperationState
from engine.sandbox import Credentials, ensure_credentials
from engine.secrets import secret_box
from engine.settings import Settings, load_settings
from engine.templates import Template, parse_template
from tests.worker.delivery_world import OPERATION, create_operation, states_of
from tests.worker.worker_world import PROJECT, Process, free_port, wait_until

START = "from engine.sandbox.server import serve; from engine.settings import load_settings; serve(load_settings())"
COUNT = 600
RATE = 300


class Sandbox:
    """The sandbox as a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.keys: Credentials = ensure_credentials(settings)
        self.url = f"http://127.0.0.1:{settings.sandbox_port}"
        self._client = httpx.Client(base_url=self.url, trust_env=False)
        self._process = subprocess.Popen([sys.executable, "-c", START], cwd=PROJECT, env=dict(os.environ))
        wait_until(self._is_up)

    def _is_up(self) -> bool:
        try:
            return self._client.get("/sandbox/health").status_code == 200
        except httpx.TransportError:
            return False

    def put_faults(self, **faults: Any) -> None:
        """Set the faults."""
        self._client.put("/sandbox/faults", json=faults).raise_for_status()

    def ledger(self) -> dict[str, Any]:
        """What it accepted, for whom."""
        return self._client.get("/sandbox/ledger", timeout=30).json()

    def channel(self) -> tuple[Channel, ChannelSecrets]:
        """The channel that leads to it."""
        keys = self.keys
        channel = Channel(
            channel_id="sandbox",
            name="Sandbox",
            provider="cloud_api",
            portfolio_id="pf",
            waba_id=keys.waba_id,
            phone_number_id=keys.phone_number_id,
            graph_url=self.url,
            graph_version="v25.0",
            rate_per_second=RATE,
        )
        opened = ChannelSecrets(
            access_token=keys.access_token, app_secret=keys.app_secret, verify_token=keys.verify_token
        )
        return channel, opened

    def template(self, name: str, language: str) -> Template:
        """One of its templates, as a sync reads it."""
        channel, opened = self.channel()

        async def read() -> list[dict[str, Any]]:
            async with make_client() as client:
                return await CloudApi(channel, opened, client).list_templates()

        nodes = asyncio.run(read())
        return parse_template(
            "sandbox", next(node for node in nodes if (node["name"], node["language"]) == (name, language))
        )

    def close(self) -> None:
        """Stop it."""
        self._client.close()
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture
def sandbox(live, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("ULAK_SANDBOX_PORT", str(free_port()))
    monkeypatch.setenv("ULAK_RECEIVER_PORT", str(free_port()))
    one = Sandbox(load_settings())
    yield one
    one.close()


def launch(live, settings: Settings, sandbox: Sandbox) -> None:
    """Freeze, publish, create."""
    template = sandbox.template("winter_sale", "tr")
    image = "https://example.com/banner.png"
    values = {"p_0": image, "p_1": "Ayşe", "p_2": "%20", "p_3": "30 Kasım", "p_4": "kis20"}
    table = pa.table(
        {
            "recipient_no": pa.array(range(COUNT), pa.uint32()),
            "phone": [f"+90532{number:07}" for number in range(COUNT)],
            "user_id": pa.array([None] * COUNT, pa.string()),
            **{name: [value] * COUNT for name, value in values.items()},
        }
    )
    facts = {"template": template.model_dump(mode="json"), "batch_size": 5_000}
    path = snapshot_path(settings.operations_folder, OPERATION)
    path.parent.mkdir(parents=True)
    pq.write_table(table.replace_schema_metadata({"ulak": json.dumps(facts)}), path, row_group_size=5_000)
    create_operation(live, COUNT, rate=RATE)
    channel, opened = sandbox.channel()
    sealed = secret_box(settings).encrypt(json.dumps(opened.plain()).encode())
    live.hset(channel_key("sandbox"), mapping={"record": channel.model_dump_json(), "secrets": sealed})


def test_the_sandbox_counts_nobody_twice_and_unknown_are_the_ambiguous_answers_alone(live, sandbox):
    settings = load_settings()
    launch(live, settings, sandbox)
    sandbox.put_faults(
        accept_then_500={"probability": 0.03},
        accept_then_cut={"probability": 0.03},
        refuse_500={"probability": 0.02},
        cut_before={"probability": 0.02},
        codes=[{"code": 131000, "probability": 0.02, "count": 12}, {"code": 131026, "probability": 0.02, "count": 9}],
        latency_ms=30,
        latency_jitter_ms=20,
    )
    dispatcher, worker = Process("dispatcher"), Process("worker")
    try:
        wait_until(lambda: ledger.operation_state(live, OPERATION) == OperationState.COMPLETED, 90)
    finally:
        codes = (worker.stop(), dispatcher.stop())
    assert codes == (0, 0)
    states, judged = states_of(live, COUNT), sandbox.ledger()
    accepted = Counter({to: len(messages) for to, messages in judged["messages"].items()})
    assert max(accepted.values()) == 1
    counted = Counter(states)
    assert set(counted) <= {DeliveryState.ACCEPTED, DeliveryState.UNKNOWN, DeliveryState.FAILED}
    assert counted[DeliveryState.FAILED] == judged["faults_struck"].get("code 1", 0)
    assert counted[DeliveryState.UNKNOWN] == judged["ambiguous"] > 0
    for number, state in enumerate(states):
        if state is DeliveryState.ACCEPTED:
            assert accepted[f"90532{number:07}"] == 1
        if state is DeliveryState.FAILED:
            assert f"90532{number:07}" not in accepted
    assert "Traceback" not in worker.output + dispatcher.output
