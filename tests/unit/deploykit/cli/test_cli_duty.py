"""A night on duty: what commands say and offer, as somebody new to them tries it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from deploykit.cli import COMMANDS, _tell, cli
from deploykit.cli.summaries import SUMMARIES
from deploykit.rollout.work import logs_of, new_log_folder
from deploykit.site import Site, open_site
from deploykit.site.environment import load_environments
from gitshelf.manifest import parse
from ledgerbook import Call

MAIN = "from deploykit.cli import main; main()"
# A comment that is a line of YAML: what people make one of by taking the '#' away.
EXAMPLE = re.compile(r"^( *)# ?( *[a-z]+: *[^a-z ].*)$", re.MULTILINE)


def deploy_kit(*words: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-c", MAIN, *words], cwd=cwd, capture_output=True,
                          text=True, timeout=100)  # fmt: skip
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in no repository, with a home of its own."""
    for name in ("STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Kim")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "kim@example.org")
    monkeypatch.delenv("DEPLOY_KIT_KEY", raising=False)
    return tmp_path


def test_next_commands_after_init_work_with_the_content_shipped(alone: Path) -> None:
    said = deploy_kit("init", "My [x] Cloud", cwd=alone)
    folder = alone / "My [x] Cloud"
    assert f"deploy-kit --site '{folder}' release cut" in said
    site = ("--site", str(folder))
    assert deploy_kit(*site, "release", "cut", cwd=alone).startswith("cut 20")
    books = json.loads(deploy_kit(*site, "release", "show", "latest", "--json", cwd=alone))
    assert {book["path"] for book in books["books"]} == {"salt", "ansible"}
    assert "may enter: deploy-kit deploy" in deploy_kit(*site, "status", cwd=alone)
    log = ["git", "-C", str(folder), "log", "--format=%s"]
    assert subprocess.run(log, capture_output=True, text=True, timeout=20).stdout[:8] == "Release "


def test_every_example_in_the_comments_of_a_new_site_is_valid(alone: Path) -> None:
    deploy_kit("init", "cloud", "--content", "https://git.example.org/it's", cwd=alone)
    examples = 0
    for file in (alone / "cloud").rglob("*.yml"):
        text, count = EXAMPLE.subn(r"\1\2", file.read_text())
        if file.name == "test.yml":  # what stands below `operators`
            text = text.replace("#   alice", "  alice")
        file.write_text(text)
        examples += count
    assert examples >= 7
    assert parse((alone / "cloud" / "gitshelf.yml").read_bytes(), alone / "gitshelf.yml").books
    environments = load_environments(alone / "cloud" / "environments")
    assert environments["test"].operators and environments["production"].promotion.approvals.count
    assert open_site(alone / "cloud").downloaded


def test_help_and_completion_know_every_command_without_importing_one() -> None:
    shown = {name: cli.get_command(None, name) for name in COMMANDS}  # type: ignore[arg-type]
    visible = {name: one for name, one in shown.items() if one is not None and not one.hidden}
    assert {name: one.get_short_help_str(200) for name, one in visible.items()} == SUMMARIES
    heavy = {"rich", "ruamel", "deploykit.site", "deploykit.ledger", "importlib.metadata"}
    for env in ({}, {"_DEPLOY_KIT_COMPLETE": "bash_complete", "COMP_WORDS": "deploy-kit rol",
                     "COMP_CWORD": "1"}):  # fmt: skip
        code = (
            "import sys; from deploykit.cli import main\n"
            "sys.argv[1:] = ['--help']\n"
            "try: main()\n"
            f"finally: print(sorted({heavy} & sys.modules.keys()), file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **env},
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        assert done.stderr.strip() == "[]"
        assert "rollback" in done.stdout and ("plain,rollback" in done.stdout) == bool(env)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_of_each_shell_asks_this_program(shell: str) -> None:
    said = CliRunner().invoke(cli, ["completion", shell]).output
    assert "_DEPLOY_KIT_COMPLETE" in said and "deploy-kit" in said


def test_ledger_is_verified_and_shown_as_json_too(call: Call) -> None:
    call("hold", "test", "--reason", "x")
    found = json.loads(call("ledger", "verify", "--json")[1])
    assert found["records"] == 2 and re.fullmatch("[0-9a-f]{40}", found["head"])
    shown = json.loads(call("ledger", "show", "1", "--json")[1])
    assert shown["commit"] == found["head"] and shown["reason"] == "x"


def test_status_shows_what_is_in_force_although_nothing_waits_for_it(call: Call) -> None:
    call("hold", "production", "--reason", "an incident")
    _, out, _ = call("status")
    assert "In force" in out and "production is on hold" in out and "an incident" in out
    call("unhold", "production")
    call("release", "cut", "--no-commit", "--version", "2026.47.1")
    call("pin", "2026.47.1", "staging")
    call("veto", "2026.47.1", "--reason", "bad")
    _, out, _ = call("status")
    assert "staging is pinned to" in out and "on hold" not in out
    assert len(re.findall("vetoed 2026.47.1: bad", out.partition("Next")[0])) == 1
    test = json.loads(call("status", "--json")[1])[0]
    assert [one["code"] for one in test["in_force"]] == ["veto"]


def test_train_without_a_line_says_so(call: Call, checkout_with_site: object) -> None:
    site: Site = checkout_with_site.site  # type: ignore[attr-defined]
    for name in ("staging", "production"):
        (site.folder / "environments" / f"{name}.yml").unlink()
    call("release", "cut", "--no-commit")
    code, _, err = call("train")
    assert code == 2 and "there is no line" in err and "deploy-kit train --to" in err


def test_calls_of_one_process_in_one_second_have_log_folders_of_their_own(site: Site) -> None:
    made = [new_log_folder(site, "deploy") for _ in range(4)]
    assert len(set(made)) == 4 and (site.logs / "latest").resolve() == made[-1]
    (made[1] / "alpha-states.log").write_text("")
    assert logs_of(site, os.getpid(), "alpha") == made[1] / "alpha-states.log"
    assert logs_of(site, os.getpid(), "beta") is None


def test_local_time_stands_beside_utc_where_it_is_another(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("hold", "production", "--reason", "till 2026-99-99T00:00:00Z")
    call("release", "cut", "--no-commit")
    try:
        for zone, local in (("UTC", False), ("XYZ-5:30", True)):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            with contextlib.redirect_stderr(io.StringIO()) as said:
                _tell("it is on hold since 2026-11-28T20:00:00Z", "wait until 2026-11-28T22:00:00Z")
            assert said.getvalue().count(" XYZ)") == 2 * local
            for words in ("history", "status"):
                _, out, err = call(words)
                assert bool(re.search(r"\d\dZ? \((\d\d )?\d\d:\d\d XYZ\)", out + err)) == local
                assert "till 2026-99-99T00:00:00Z" in " ".join((out + err).split())
    finally:
        monkeypatch.undo()
        time.tzset()
