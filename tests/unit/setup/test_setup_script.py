"""deploy-kit/setup, before there is any Python: what it refuses, how it passes words on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = [
    "awk",
    "cat",
    "cut",
    "date",
    "df",
    "dirname",
    "grep",
    "ln",
    "mkdir",
    "mv",
    "printf",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "tail",
    "tr",
    "env",
]


@pytest.fixture
def script(checkout: Path, tmp_path: Path) -> Path:
    """A copy in a checkout of its own, where nothing was set up yet."""
    folder = tmp_path / "clone" / "deploy-kit"
    folder.mkdir(parents=True)
    for name in ("setup", "setup.txt", "site.yml", "pyproject.toml"):
        shutil.copy(checkout / "deploy-kit" / name, folder)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(checkout / name, folder.parent)
    return folder / "setup"


def call(
    script: Path, tmp_path: Path, *words: str, **tools: str
) -> subprocess.CompletedProcess[str]:
    """Run the script with a PATH of plain tools and the given scripts in place of others."""
    path = tmp_path / "bin"
    path.mkdir(exist_ok=True)
    for name in TOOLS:
        if not (path / name).exists():
            (path / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    for name, text in tools.items():
        (path / name).unlink(missing_ok=True)
        (path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (path / name).chmod(0o755)
    return subprocess.run(
        [script, *words],
        env={"PATH": str(path), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_user_without_root_and_sudo_is_told_at_once(script: Path, tmp_path: Path) -> None:
    done = call(script, tmp_path, id="echo 1000")
    assert done.returncode == 1
    assert "this needs root" in done.stderr
    assert "run it as root" in done.stderr


def test_user_whom_sudo_refuses_is_told_at_once(script: Path, tmp_path: Path) -> None:
    done = call(script, tmp_path, id="echo 1000", sudo="exit 1")
    assert done.returncode == 1
    assert "sudo does not let this user become root" in done.stderr


def test_full_disk_is_told_at_once(script: Path, tmp_path: Path) -> None:
    done = call(script, tmp_path, id="echo 0", df="echo head; echo '/dev/x 9 9 1048576 9% /'")
    assert done.returncode == 1
    assert "only 1 GiB are free" in done.stderr


def test_failing_step_shows_the_end_of_its_log(script: Path, tmp_path: Path) -> None:
    install = "echo 'no route to the archive'; exit 100"
    done = call(script, tmp_path, id="echo 0", **{"dpkg-query": "exit 1", "apt-get": install})
    assert done.returncode == 1
    assert "no route to the archive" in done.stderr
    assert "the whole log: " in done.stderr
    log = next((tmp_path / "state").rglob("setup.log"))
    assert "no route to the archive" in log.read_text(encoding="utf-8")


def test_second_call_with_nothing_changed_does_nothing(script: Path, tmp_path: Path) -> None:
    kit = script.parent.parent / ".venv" / "bin" / "deploy-kit"
    kit.parent.mkdir(parents=True)
    kit.write_text("#!/bin/sh\n", encoding="utf-8")
    kit.chmod(0o755)
    tools = script.parent.parent / ".tools" / "bin"
    tools.mkdir(parents=True)
    ready = {"dpkg-query": "printf installed", "python3": "exit 0"}
    for name in ("pip", "uv"):
        (tools / name).write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    first = call(script, tmp_path, id="echo 0", **ready)
    assert (first.returncode, "Python packages" in first.stderr) == (0, True)
    again = call(script, tmp_path, id="echo 0", **ready)
    assert (again.returncode, again.stderr) == (0, "")
    (script.parent / "setup.txt").write_text("uv==0.0.1\n", encoding="utf-8")
    assert "Python packages" in call(script, tmp_path, id="echo 0", **ready).stderr


def test_words_run_in_the_group_arrive_unchanged(script: Path, tmp_path: Path) -> None:
    done = call(script, tmp_path, "run", "printf", "%s|", "a  b", "it's", "$HOME", id="echo 0")
    assert done.stdout == "a  b|it's|$HOME|"
