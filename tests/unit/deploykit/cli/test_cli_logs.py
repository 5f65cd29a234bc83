"""`deploy-kit logs`, called as a person does: the guide, and what it leaves out."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from consoledoc import ENVIRONMENT, commands, run, wrong
from deploykit.base.errors import DeployKitError
from deploykit.base.printable import printable_output
from deploykit.cli import cli
from deploykit.logs.rechecks import Rechecks
from deploykit.site import open_site

BIN = Path(sys.executable).parent
OWN = "signatures: {busy: {pattern: 'busy', message: m, bug: 7}}\n"


def environment(folder: Path) -> dict[str, str]:
    return {
        **ENVIRONMENT,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TZ": "UTC",
    }


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site without anything but signatures; calls of this process find it."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "site" / "signatures").mkdir(parents=True)
    (tmp_path / "site" / "site.yml").write_text("name: here\n")
    monkeypatch.chdir(tmp_path / "site")
    return tmp_path / "site"


@dataclass(frozen=True)
class Said:
    """How a call ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def call(*words: str) -> Said:
    """Call deploy-kit in this process, as its entry point does."""
    monkeypatch = pytest.MonkeyPatch()
    out, err = io.StringIO(), io.StringIO()
    with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["deploy-kit", *words])
        patch.setattr(sys, "stdin", io.StringIO())
        try:
            with printable_output():
                said = cli.main(list(words), standalone_mode=False, prog_name="deploy-kit")
            code = said if isinstance(said, int) else 0
        except click.ClickException as error:
            err.write(error.format_message())
            code = 2
        except DeployKitError as error:
            err.write(f"{error.message}\n{error.remedy}")
            code = error.exit_code
    return Said(code, out.getvalue(), err.getvalue())


def test_commands_of_the_guide_print_what_it_shows(tmp_path: Path, checkout: Path) -> None:
    site = tmp_path / "site"
    started = commands("```console\n$ deploy-kit init site --name here\n…\n```\n")
    assert wrong(started[0], run(started, tmp_path, environment(tmp_path))[0]) == ""
    assert {file.name for file in (site / "signatures").iterdir()} == {"own.yml", "region.yml"}
    page = checkout / "docs" / "logs.md"
    shown = commands(page.read_text("utf-8"))
    ran = run(shown, site, environment(tmp_path))
    assert len(ran) == len(shown) > 15
    assert [told for pair in zip(shown, ran, strict=True) if (told := wrong(*pair))] == []


def add(site: Path, name: str, text: str, how: str) -> None:
    (site / "a.log").write_text(text)
    done = call("logs", "add", name, "a.log", how)
    assert done.returncode == 0, done.stderr


def test_signature_that_passing_runs_show_is_named_as_too_broad_with_its_line(site: Path) -> None:
    (site / "signatures" / "own.yml").write_text(OWN)
    add(site, "a", "busy\n", "--passed")
    add(site, "b", "busy\n", "--failed")
    done = call("logs", "signatures")
    assert done.returncode == 1
    assert "too broad: busy" in done.stdout and "own.yml:1): 1 of 1 runs that passed" in done.stdout


def test_bugs_that_rechecks_named_are_counted_beside_the_signatures(site: Path) -> None:
    Rechecks(open_site(site).runs).note({"m1": "7", "m2": "7", "m3": "1572495"})
    lines = call("logs", "signatures").stdout.splitlines()
    assert lines[-2:] == ["run again because of bug 7: 2", "run again because of bug 1572495: 1"]
    assert json.loads(call("logs", "signatures", "--json").stdout)["rechecks"]["7"] == 2


def test_answers_for_machines_are_json_and_whole(site: Path) -> None:
    add(site, "job", f"E: Unable to locate package x\n{'y' * 9000} words\n", "--failed")
    (listed,) = json.loads(call("logs", "list", "--json").stdout)
    assert listed["ending"] == "failed" and listed["size"] > 9000 > listed["stored"]
    (hit,) = json.loads(call("logs", "search", "locate", "--json").stdout)
    assert hit["lines"] == [{"line": 1, "text": "E: Unable to locate package x"}]
    said = json.loads(call("logs", "diagnose", listed["id"], "--json").stdout)
    assert not said["known"] and said["sightings"][0]["signature"] == "apt-unknown-package"
    exported = call("logs", "export", listed["id"]).stdout.splitlines()
    assert len(json.loads(exported[-1])["message"]) > 9000
    assert call("logs", "search", "nowhere", "--json").stdout == "[]\n"


def test_file_is_diagnosed_without_being_kept(site: Path) -> None:
    (site / "signatures" / "own.yml").write_text(OWN)
    (site / "a.log").write_text("busy\n")
    done = call("logs", "diagnose", "a.log")
    assert done.returncode == 0 and "known: m (7; signature busy, a.log:1)" in done.stdout
    assert json.loads(call("logs", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "nothing"], "there is no run 'nothing'"),
        (["show", "../x"], "not the name of a run"),
        (["diagnose"], "no run that is kept failed"),
        (["diagnose", "a", "b"], "there is no file 'a'"),
        (["search", "-"], "no word to look for"),
        (["prune", "--older-than", "3 weeks"], "no length of time"),
        (["prune", "--older-than", "9999999999999d"], "no length of time"),
        (["prune", "--more-than", "much"], "not a size"),
        (["add", "a/b", "site.yml", "--failed"], "not the name of a run"),
        (["export", "--index", "Logs"], "no name of an index"),
    ],
)
def test_call_that_cannot_be_is_refused_with_exit_status_2(
    site: Path, words: list[str], told: str
) -> None:
    done = call("logs", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_log_of_a_run_is_shown_or_its_names_are_told(site: Path) -> None:
    add(site, "job", "one\ntwo\n", "--passed")
    (listed,) = json.loads(call("logs", "list", "--json").stdout)
    assert "==> a.log <==\none\ntwo\n" in call("logs", "show", listed["id"]).stdout
    done = call("logs", "show", listed["id"], "b.log")
    assert done.returncode == 2 and "it has a.log" in done.stderr


def test_pruned_session_is_not_taken_in_again(site: Path) -> None:
    folder = open_site(site).logs / "20261128T101112-train-99999999"
    folder.mkdir(parents=True)
    (folder / "test-states.log").write_text("salt: motd: ok\n")
    assert len(json.loads(call("logs", "list", "--json").stdout)) == 1
    done = call("logs", "prune", "--older-than", "0s", "--more-than", "0", "--yes")
    assert done.returncode == 0, done.stderr
    assert json.loads(call("logs", "list", "--json").stdout) == []
    assert not folder.exists()
