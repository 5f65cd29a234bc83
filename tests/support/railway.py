"""A scratch checkout with a site of its own, for tests that drive the real commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
ALPHA = """name: alpha
networks:
  management: {cidr: 10.71.0.0/24}
nodes:
  salt: {roles: [master], at: 10}
  front: {roles: [database, cache, load-balancer], at: 11}
  who: {roles: [identity], count: 2, at: 21}
"""
OMEGA = """name: omega
networks:
  management: {cidr: 10.72.0.0/24}
nodes:
  salt: {roles: [master], at: 10}
  region: {roles: [database, cache, identity, load-balancer], at: 11}
promotion:
  from: alpha
  checks: {smoke: {}, idempotence: {}, upgrade: {}, bootstrap: {}}
"""
# Every role that a release of few components has, on one node.
SOLE = """\
name: sole
networks:
  management: {cidr: 10.80.0.0/24}
nodes:
  region: {roles: [master, database, cache, identity, load-balancer], at: 10}
"""
GIT = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
}
MADE_ANEW = "settings: {day0: {base_unsafe_io: true}}\n"


@dataclass(frozen=True, slots=True)
class Railway:
    """A checkout with the content under test, and a state folder that nobody else uses."""

    folder: Path
    state: Path

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, **GIT, "XDG_STATE_HOME": str(self.state), "NO_COLOR": "1"}

    @property
    def command(self) -> list[str]:
        return [str(BIN / "deploy-kit"), "--site", str(self.folder / "deploy-kit")]

    def __call__(
        self, *words: str, status: int = 0, timeout: float = 1200
    ) -> subprocess.CompletedProcess[str]:
        """Run deploy-kit here; its exit status must be `status`."""
        call = [*self.command, *words]
        try:
            done = subprocess.run(
                call,
                env=self.env,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            output = (error.stderr or b"").decode(errors="replace")  # bytes, whatever `text` says
            pytest.fail(f"deploy-kit {' '.join(words)} took more than {timeout:g} s:\n{output}")
        transcript = f"deploy-kit {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == status, transcript
        assert "Traceback" not in done.stderr, transcript
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json").stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start deploy-kit without waiting for it, in a process group of its own."""
        return subprocess.Popen(
            [*self.command, *words],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def change(self, file: str, old: str, new: str) -> None:
        """Replace `old` by `new` in a file of the checkout and commit it."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))
        self.commit(f"{file}: {new}")

    def commit(self, why: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", why)

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def cut(self) -> str:
        """Cut a release of the checkout's HEAD; returns its version."""
        version: str = self.json("release", "cut", "--no-commit")["version"]
        return version

    def running(self, environment: str) -> str | None:
        """The version that the ledger says `environment` runs."""
        for entry in self.json("status"):
            if entry["environment"] == environment:
                version: str | None = entry["version"]
                return version
        raise AssertionError(f"status does not know {environment}")

    def on_node(self, environment: str, node: str, line: str) -> str:
        return self("env", "ssh", environment, node, line).stdout

    def evidence(self, check: str, environment: str) -> list[dict[str, Any]]:
        return [
            record
            for record in self.json("history")
            if record["kind"] == "evidence"
            and (record["check"], record["environment"]) == (check, environment)
        ]


@contextmanager
def deployed(checkout: Path, folder: Path, name: str, text: str) -> Iterator[Railway]:
    """The one environment `name` of a fresh checkout, with a release deployed; then taken down."""
    railway = build(checkout, folder, {name: text})
    try:
        railway("env", "up", name)
        railway("deploy", railway.cut(), name)
        yield railway
    finally:
        railway("env", "down", name, "--yes")


def build(checkout: Path, folder: Path, environments: dict[str, str]) -> Railway:
    """A fresh checkout with this one's content and only `environments`.

    Those without settings of their own get what the shipped ones have: they are made anew.
    """
    for part in ("salt", "ansible"):
        shutil.copytree(
            checkout / part, folder / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    site = folder / "deploy-kit"
    (site / "environments").mkdir(parents=True)
    (site / "site.yml").write_text("name: railway\n")
    shutil.copy(checkout / "deploy-kit" / "gitshelf.yml", site)
    for name, text in environments.items():
        (site / "environments" / f"{name}.yml").write_text(
            text if "\nsettings:" in text else text + MADE_ANEW
        )
    railway = Railway(folder, folder.parent / "state")
    railway.git("init", "-q", "-b", "main")
    railway.commit("content under test")
    return railway
