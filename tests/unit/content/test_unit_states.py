"""When a unit is restarted: what was newer than its last start, however the last run ended."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loosemodule import module_of

MODULES = Path(__file__).resolve().parents[3] / "salt/states/_states"
START = 1_700_000_000_500_000_000  # ns since 1970, when the unit of these tests last started
START_TOLD = "Tue 2023-11-14 22:13:20.500000 UTC"


class Systemctl:
    """A systemctl of this machine: what it shows, and the words it was told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.enabled = True
        self.seen = {
            "ActiveState": "active",
            "StateChangeTimestamp": START_TOLD,
            "LoadState": "loaded",
            "NeedDaemonReload": "no",
            "DropInPaths": "",
            "Job": "",
            "MainPID": "7",
        }
        self.fails = ""

    def write(self) -> None:
        shown = "\n".join(f"{key}={value}" for key, value in self.seen.items())
        (self._folder / "shown").write_text(shown + "\n")
        program = self._folder / "systemctl"
        program.write_text(
            "#!/bin/sh\n"
            f'case "$*" in show*) cat {self._folder}/shown;;\n'
            f"*is-enabled*) exit {0 if self.enabled else 1};;\n"
            f'*) echo "$*" >> {self._folder}/told; {self.fails or "true"};; esac\n'
        )
        program.chmod(0o755)

    @property
    def told(self) -> list[str]:
        file = self._folder / "told"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return Systemctl(folder)


@pytest.fixture
def unit() -> ModuleType:
    """The module as Salt's loader leaves it: it finds the functions of its neighbour."""
    found, command = module_of(MODULES / "unit.py"), module_of(MODULES / "command.py")
    opts = {"test": False}
    for module in (found, command):
        module.__dict__["__opts__"] = opts
    found.__dict__["__states__"] = {"command.awaited": command.awaited}
    return found


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(unit: ModuleType, systemctl: Systemctl) -> Ask:
    """Calls a state function of the module on the unit 'web'."""

    def call(function: str, *words: Any, **more: Any) -> dict[str, Any]:
        systemctl.write()
        found: dict[str, Any] = getattr(unit, function)("web", *words, **more)
        return found

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is a microsecond older than the unit's last start."""
    found = tmp_path / "web.conf"
    found.touch()
    age(found, -1)
    return found


def age(file: Path, microseconds: int) -> None:
    """Give a file a time so many microseconds after the unit's last start."""
    when = START + microseconds * 1000
    os.utime(file, ns=(when, when))


def test_unit_as_new_as_its_files_is_left_alone(ask: Ask, systemctl: Systemctl, file: Path) -> None:
    for function in ("current", "started"):
        answer = ask(function, [str(file)])
        assert answer == {"name": "web", "result": True, "comment": "as wanted", "changes": {}}
    assert systemctl.told == []


def test_restart_names_each_file_that_was_newer(
    ask: Ask, systemctl: Systemctl, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.conf"
    other.touch()
    age(other, -1)
    age(file, 1)
    answer = ask("current", [str(other), str(file)])
    assert answer["result"] is True
    assert answer["changes"] == {"web": "restarted"}
    assert answer["comment"] == f"restarted: {file} is newer"
    assert systemctl.told == ["-q restart web"]


def test_reload_in_place_of_a_restart_is_told_as_such(
    ask: Ask, systemctl: Systemctl, file: Path
) -> None:
    age(file, 1)
    assert ask("current", [str(file)], verb="reload")["comment"].startswith("reloaded: ")
    assert systemctl.told == ["-q reload web"]


def test_file_that_is_missing_is_a_reason(ask: Ask, file: Path) -> None:
    file.unlink()
    assert ask("current", [str(file)])["comment"] == f"restarted: {file} is missing"


def test_unit_that_never_started_is_not_current(ask: Ask, systemctl: Systemctl, file: Path) -> None:
    systemctl.seen["StateChangeTimestamp"] = ""
    assert ask("current", [str(file)])["comment"] == "restarted: it was never started"


def test_newer_package_is_a_reason_and_no_note_of_packages_is_none(
    ask: Ask, file: Path, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    assert ask("current", [str(file)], packages=str(note))["changes"] == {}
    note.touch()
    answer = ask("current", [str(file)], packages=str(note))
    assert answer["comment"] == "restarted: a package that it runs on is newer"
    age(note, -1)
    assert ask("current", [str(file)], packages=str(note))["changes"] == {}


def test_test_says_what_would_be_restarted_and_why(
    ask: Ask, unit: ModuleType, systemctl: Systemctl, file: Path
) -> None:
    unit.__dict__["__opts__"]["test"] = True
    age(file, 1)
    answer = ask("current", [str(file)])
    assert (answer["result"], answer["comment"]) == (None, f"would be restarted: {file} is newer")
    assert answer["changes"]
    assert ask("started", [str(file)])["comment"] == f"would be started: {file} is newer"
    assert systemctl.told == []


def test_restart_that_fails_is_told_in_systemds_words(
    ask: Ask, systemctl: Systemctl, file: Path
) -> None:
    age(file, 1)
    systemctl.fails = "echo 'Job for web.service failed.' >&2; exit 1"
    answer = ask("current", [str(file)])
    assert (answer["result"], answer["changes"]) == (False, {})
    assert answer["comment"] == "Job for web.service failed."


def test_restart_that_takes_too_long_is_told_as_such(
    ask: Ask, systemctl: Systemctl, file: Path
) -> None:
    age(file, 1)
    systemctl.fails = "exec sleep 20"
    assert ask("current", [str(file)], timeout=1)["comment"] == "it takes longer than 1 s"


def test_other_command_restarts_in_the_place_of_systemctl(
    ask: Ask, unit: ModuleType, systemctl: Systemctl, file: Path
) -> None:
    calls: list[dict[str, Any]] = []

    def ensured(name: str, **given: Any) -> dict[str, Any]:
        calls.append(given)
        return {"result": len(calls) == 1, "comment": "no other node answers"}

    unit.__dict__["__states__"] = {"command.ensured": ensured}
    age(file, 1)
    answer = ask("current", [str(file)], by="cluster restart", timeout=1500)
    assert answer["comment"] == f"restarted: {file} is newer"
    assert calls == [{"check": "false", "act": "cluster restart", "timeout": 1500}]
    answer = ask("current", [str(file)], by="cluster restart")
    assert (answer["result"], answer["comment"]) == (False, "no other node answers")
    assert systemctl.told == []


def test_unit_that_is_masked_is_unmasked_enabled_and_started_without_waiting(
    ask: Ask, systemctl: Systemctl, file: Path
) -> None:
    systemctl.enabled = False
    systemctl.seen.update(ActiveState="inactive", StateChangeTimestamp="")
    answer = ask("started", [str(file)])
    assert answer["comment"] == "started: it is not enabled, it is inactive"
    assert systemctl.told == ["-q unmask web", "-q enable web", "-q restart --no-block web"]


@pytest.mark.parametrize("state", ["activating", "reloading"])
def test_unit_that_is_about_to_run_counts_as_started(
    ask: Ask, systemctl: Systemctl, file: Path, state: str
) -> None:
    systemctl.seen["ActiveState"] = state
    assert ask("started", [str(file)])["changes"] == {}


@pytest.mark.parametrize("state", ["failed", "inactive", "deactivating"])
def test_unit_that_does_not_run_is_started(
    ask: Ask, systemctl: Systemctl, file: Path, state: str
) -> None:
    systemctl.seen["ActiveState"] = state
    assert ask("started", [str(file)])["comment"] == f"started: it is {state}"


def test_unit_that_runs_with_an_old_file_is_started_anew(
    ask: Ask, systemctl: Systemctl, file: Path
) -> None:
    age(file, 1)
    assert ask("started", [str(file)])["comment"] == f"started: {file} is newer"
    assert systemctl.told[-1] == "-q restart --no-block web"


@pytest.mark.parametrize(
    "seen",
    [
        {"NeedDaemonReload": "yes"},
        {"LoadState": "not-found"},
        {"DropInPaths": "/etc/systemd/system/web.service.d/other.conf"},
    ],
)
def test_files_of_units_that_systemd_does_not_know_are_read_again(
    ask: Ask, systemctl: Systemctl, seen: dict[str, str]
) -> None:
    systemctl.seen.update(DropInPaths="/etc/systemd/system/web.service.d/region.conf")
    assert ask("loaded", ["web", "worker"], settings="region.conf")["changes"] == {}
    systemctl.seen.update(seen)
    answer = ask("loaded", ["web"], settings="region.conf")
    assert answer["comment"] == "loaded: the files of web are newer"
    assert systemctl.told == ["-q daemon-reload"]


def test_units_without_settings_of_their_own_are_loaded_as_they_are(
    ask: Ask, systemctl: Systemctl
) -> None:
    assert ask("loaded", ["web"])["changes"] == {}
    systemctl.seen["LoadState"] = "masked"
    assert ask("loaded", ["web"])["changes"] == {}


class Page(BaseHTTPRequestHandler):
    """Answers what its server was told to, after having done what it was told to do."""

    server: Web

    def do_GET(self) -> None:
        self.server.asked += 1
        self.server.meanwhile()
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Web(ThreadingHTTPServer):
    """The process that listens for the unit `web`."""

    status, asked = 200, 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.meanwhile: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_unit_that_answers_is_healthy_and_nothing_changes(ask: Ask, web: Web, file: Path) -> None:
    answer = ask("answers", web.url, 1, files=[str(file)])
    assert answer == {"name": "web", "result": True, "changes": {}, "comment": "it answers"}


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ({"Job": "1234"}, "it is about to be restarted"),
        ({"ActiveState": "deactivating"}, "it is deactivating"),
        ({"ActiveState": "activating"}, "it is activating"),
        ({"ActiveState": "failed"}, "it is failed"),
    ],
)
def test_process_of_before_a_restart_is_not_believed(
    ask: Ask, systemctl: Systemctl, web: Web, shown: dict[str, str], told: str
) -> None:
    systemctl.seen |= shown
    answer = ask("answers", web.url, 0.5)
    assert (answer["result"], answer["comment"]) == (
        False,
        f"no healthy answer within 0.5 s: {told}",
    )
    assert web.asked == 0


def test_process_that_is_older_than_its_configuration_is_not_believed(
    ask: Ask, web: Web, file: Path
) -> None:
    age(file, 1)
    answer = ask("answers", web.url, 0, files=[str(file)])
    assert answer["comment"] == f"no healthy answer within 0 s: {file} is newer"


def test_answer_of_a_process_that_is_gone_by_then_does_not_count(
    ask: Ask, systemctl: Systemctl, web: Web
) -> None:
    def restart() -> None:
        systemctl.seen["MainPID"] = "8"
        systemctl.write()

    web.meanwhile = restart
    assert "it was restarted meanwhile" in ask("answers", web.url, 0)["comment"]
    assert ask("answers", web.url, 0)["result"] is True


def test_page_that_is_an_error_and_nobody_there_are_no_health(ask: Ask, web: Web) -> None:
    web.status = 503
    assert "503" in ask("answers", web.url, 0)["comment"]
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert "refused" in ask("answers", f"http://127.0.0.1:{port}/", 0)["comment"]


def test_test_asks_a_unit_once(unit: ModuleType, ask: Ask, web: Web) -> None:
    unit.__dict__["__opts__"]["test"] = True
    web.status = 503
    answer = ask("answers", web.url, 60)
    assert (answer["result"], web.asked) == (None, 1)
