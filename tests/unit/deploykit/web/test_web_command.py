"""`deploy-kit web`: a process that serves until it is ended, here by the real command."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from deploykit.base.errors import InputError
from deploykit.base.waiting import wait_until
from deploykit.web.serving import Address, parse_address
from ledgerbook import Call
from sitecheckout import Checkout
from webcommand import PATIENCE, web

HEAVY = {"fastapi", "jinja2", "prometheus_client", "pydantic", "starlette", "uvicorn"}


@pytest.fixture
def site(checkout_with_site: Checkout) -> Path:
    return checkout_with_site.site.folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_pages_are_served_until_a_signal_ends_it_well(
    site: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with web(site, tmp_path / "said", "--listen", "127.0.0.1:0") as running:
        told = requests.get(f"{running.base}/?format=json", timeout=PATIENCE).json()
        assert [one["environment"] for one in told["environments"]] == [
            *("test", "staging", "production")
        ]
        running.process.send_signal(number)
        assert running.process.wait(PATIENCE) == 0
        assert "Traceback" not in running.text and "warning" not in running.text


def test_decision_is_on_the_page_some_seconds_later(site: Path, tmp_path: Path, call: Call) -> None:
    with web(site, tmp_path / "said", "--listen", "0") as running:
        address = f"{running.base}/environments/production"
        assert "night" not in requests.get(address, timeout=PATIENCE).text
        assert call("hold", "production", "--reason", "night")[0] == 0
        assert wait_until(lambda: "night" in requests.get(address, timeout=PATIENCE).text, PATIENCE)


def test_address_that_is_taken_is_told_with_what_to_do(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, _, said = call("web", "--listen", address)
    assert status == 1
    assert f"cannot listen at {address}: Address already in use" in said
    assert "--listen 127.0.0.1:0" in said


def test_what_others_reach_is_said_by_name(site: Path, tmp_path: Path) -> None:
    with web(site, tmp_path / "said", "--listen", "0.0.0.0:0", "--name", "board.test") as running:
        assert running.base.startswith("http://0.0.0.0:")
        port = running.base.rpartition(":")[2]
        assert f"warning: whoever reaches 0.0.0.0:{port} reads the ledger" in running.text
        here = f"http://127.0.0.1:{port}/"
        asked = {"Host": f"board.test:{port}"}
        assert requests.get(here, headers=asked, timeout=PATIENCE).ok
        other = {"Host": f"other.test:{port}"}
        assert requests.get(here, headers=other, timeout=PATIENCE).status_code == 400


@pytest.mark.parametrize(
    ("text", "address", "loopback"),
    [
        ("8470", Address("127.0.0.1", 8470), True),
        (":0", Address("127.0.0.1", 0), True),
        ("localhost:80", Address("localhost", 80), True),
        ("127.0.0.2:80", Address("127.0.0.2", 80), True),
        ("[::1]:8470", Address("::1", 8470), True),
        ("[::]:8470", Address("::", 8470), False),
        ("10.0.0.5:8470", Address("10.0.0.5", 8470), False),
        ("127.example.org:1", Address("127.example.org", 1), False),
    ],
)
def test_address_is_read_and_known_to_be_of_this_machine_alone(
    text: str, address: Address, loopback: bool
) -> None:
    assert parse_address(text) == address
    assert address.is_loopback is loopback
    if ":" in text and not text.startswith(":"):
        assert str(address) == text


@pytest.mark.parametrize("text", ["", "localhost", "localhost:", "localhost:x", "h:70000", "h:-1"])
def test_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no address"):
        parse_address(text)


def test_help_of_the_command_line_does_not_wait_for_the_web() -> None:
    code = (
        "import sys; from deploykit.cli import cli; cli.list_commands(None);"
        "from deploykit.cli.ledger import status; from deploykit.cli.web import web;"
        f"heavy = {HEAVY} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
