"""What is told of packages that a mirror does not give, or that do not install, and of systemd."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Blame = Callable[[str], str]


@pytest.fixture(scope="module")
def tool(checkout: Path) -> dict[str, Any]:
    return runpy.run_path(str(checkout / "salt/states/vendor/files/get.py"))


@pytest.fixture(scope="module")
def blame(tool: dict[str, Any]) -> Blame:
    found: Blame = tool["blame"]
    return found


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("E: Failed to fetch http://deb.example.org/pool/main/n/nova/nova-api_26%3a1_all.deb"
         "  404  Not Found [IP: 192.0.2.1 80]\n",
         "nova-api cannot be had or installed: 404  Not Found [IP: 192.0.2.1 80]"),
        ("E: Failed to fetch http://deb.example.org/debian/dists/bookworm/InRelease  Could not"
         " connect to deb.example.org:80\n",
         "http://deb.example.org/debian/dists/bookworm/InRelease cannot be had or installed:"
         " Could not connect to deb.example.org:80"),
        ("E: Unable to locate package nova-apu\n", "package nova-apu cannot be had or installed"),
        ("dpkg: error processing package glance-api:all (--configure):\n",
         "glance-api cannot be had or installed"),
        ("E: Package 'tgt' has no installation candidate\n",
         "tgt cannot be had or installed: no installation candidate"),
    ],
)  # fmt: skip
def test_package_that_failed_is_named_with_the_reason(blame: Blame, said: str, told: str) -> None:
    assert blame(f"Reading package lists...\n{said}E: Sub-process failed\n").startswith(told)


def test_every_package_that_failed_is_named_once(blame: Blame) -> None:
    line = "E: Failed to fetch http://deb.example.org/{0}_1_all.deb  503  Service Unavailable\n"
    told = blame("".join(line.format(name) for name in ("nova-api", "haproxy", "nova-api")))
    assert [one.split()[0] for one in told.splitlines()] == ["nova-api", "haproxy"]


def test_failure_without_a_name_shows_the_end(blame: Blame) -> None:
    assert blame("one\ntwo\nE: no space left\n").endswith("E: no space left")


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a systemctl with these lines of shell in the place of the real one."""

    def put(lines: str) -> None:
        program = tmp_path / "systemctl"
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return put


def test_systemd_that_does_not_answer_in_time_is_told_in_its_words(
    tool: dict[str, Any], systemctl: Callable[[str], None]
) -> None:
    systemctl("echo 'Failed to list unit files: Connection timed out' >&2; exit 1")
    with pytest.raises(SystemExit, match=r"list-unit-files.*: Failed to list unit files: Conn"):
        tool["disabled"]()


def test_node_without_a_disabled_unit_has_none(
    tool: dict[str, Any], systemctl: Callable[[str], None]
) -> None:
    systemctl("exit 1")
    assert tool["disabled"]() == set()
