"""What is told of packages that a mirror does not give, or that do not install, and of systemd."""

from __future__ import annotations

import json
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

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


@pytest.fixture(scope="module")
def plan(checkout: Path) -> dict[str, Any]:
    return runpy.run_path(str(checkout / "salt/states/vendor/files/plan.py"))


TRIED = """\
NOTE: This is only a simulation!
Inst libc6 [2.36-9+deb12u4] (2.36-9+deb12u9 Debian:12.9/stable [amd64])
Inst python3-oslo.db [12.1.0-2] (12.1.0-2+deb12u1 Debian-Security:12/stable [all]) []
Inst python3-nova [2:26.2.2-1] (2:26.2.2-1+deb12u3 Debian-Security:12/stable [all])
Inst python3-new (1.0-1 Debian:12.9/stable [all])
Inst linux-image-amd64 [6.1.90-1] (6.1.119-1 Debian:12.9/stable [amd64])
Conf libc6 (2.36-9+deb12u9 Debian:12.9/stable [amd64])
"""


def test_newer_packages_are_those_that_take_another_s_place(plan: dict[str, Any]) -> None:
    assert dict(plan["OTHER"].findall(TRIED)) == {
        "libc6": "2.36-9+deb12u9",
        "python3-oslo.db": "12.1.0-2+deb12u1",
        "python3-nova": "2:26.2.2-1+deb12u3",
        "linux-image-amd64": "6.1.119-1",
    }


def test_newer_package_comes_with_the_first_component_that_stands_on_it(
    plan: dict[str, Any],
) -> None:
    """keystone and nova share a library, all share libc; nobody stands on the kernel."""
    standing = {
        "keystone": {"libc6", "python3-oslo.db", "keystone"},
        "nova": {"libc6", "python3-oslo.db", "python3-nova"},
        "chrony": {"libc6", "chrony"},
    }
    newer = dict(plan["OTHER"].findall(TRIED))
    assert plan["shares"](newer, standing) == {
        "keystone": {"libc6": "2.36-9+deb12u9", "python3-oslo.db": "12.1.0-2+deb12u1"},
        "nova": {"python3-nova": "2:26.2.2-1+deb12u3"},
        "chrony": {},
        plan["REST"]: {"linux-image-amd64": "6.1.119-1"},
    }


def test_share_is_read_as_it_was_written(plan: dict[str, Any]) -> None:
    share = {"python3-nova": "2:26.2.2-1+deb12u3", "libc6": "2.36-9+deb12u9"}
    assert plan["pairs"](plan["lines"](share)) == share
    assert plan["pairs"](plan["lines"]({})) == {}


def test_package_whose_planned_version_is_gone_is_named(blame: Blame) -> None:
    said = "E: Version '2:26.2.2-1' for 'python3-nova' was not found\n"
    assert blame(said) == "python3-nova cannot be had or installed: '2:26.2.2-1'"


@pytest.fixture(scope="module")
def stale(checkout: Path) -> dict[str, Any]:
    return runpy.run_path(str(checkout / "salt/states/vendor/files/stale.py"))


MAPS = """\
55c0 r-xp 00001000 fe:01 131 /usr/bin/memcached
7f01 r-xp 00028000 fe:01 132 /usr/lib/x86_64-linux-gnu/libevent-2.1.so.7.0.1 (deleted)
7f02 r--p 00000000 fe:01 132 /usr/lib/x86_64-linux-gnu/libevent-2.1.so.7.0.1 (deleted)
7f03 r--p 00000000 fe:01 133 /usr/lib/locale/locale-archive (deleted)
7f04 rw-s 00000000 00:01 134 /dev/zero (deleted)
7f05 r-xp 00000000 00:01 135 /memfd:libffi (deleted)
7f06 r-xp 00000000 fe:01 136 /usr/lib/x86_64-linux-gnu/libc.so.6
"""


def test_code_that_is_gone_is_told_and_data_is_not(stale: dict[str, Any]) -> None:
    assert stale["gone"](MAPS) == ["/usr/lib/x86_64-linux-gnu/libevent-2.1.so.7.0.1"]


def test_units_without_a_process_or_a_file_are_not_asked(stale: dict[str, Any]) -> None:
    said = (
        "Id=a.service\nMainPID=12\nFragmentPath=/lib/systemd/system/a.service\n\n"
        "Id=b.service\nMainPID=0\nFragmentPath=/lib/systemd/system/b.service\n\n"
        "Id=c.service\nMainPID=13\nFragmentPath=\n"
    )
    assert list(stale["units"](said)) == [("a.service", "12", "/lib/systemd/system/a.service")]


def rendered_package(checkout: Path, *, planned: bool, **pillar: Any) -> list[str]:
    """The ids of what lib/package.jinja writes for nova, on a node with a plan or without."""
    states = jinja2.Environment(
        loader=jinja2.FileSystemLoader(checkout / "salt/states"), extensions=["jinja2.ext.do"]
    )
    states.filters["json"] = json.dumps
    template = states.from_string(
        "{% from 'lib/package.jinja' import installed with context %}{{ installed('nova') }}"
    )
    there = "/var/lib/vendor/plan/nova"
    text = template.render(
        pillar={"nova": {"packages": ["nova-api", "nova-conductor"]}, **pillar},
        salt={"file.file_exists": lambda path: planned and path == there},
    )
    found = yaml.safe_load(text)
    if len(found) == 2:
        (act,) = [
            one["act"] for one in found["nova_package_upgraded"]["command.ensured"] if "act" in one
        ]
        assert act == "/usr/local/sbin/vendor-plan bring nova=nova-api,nova-conductor"
        wanted = {"require": [{"command": "nova_package_upgraded"}]}
        assert wanted in found["nova_package_installed"]["pkg.installed"]
    return list(found)


def test_share_of_a_component_comes_before_its_packages_are_looked_at(checkout: Path) -> None:
    both = ["nova_package_upgraded", "nova_package_installed"]
    assert rendered_package(checkout, planned=True) == both
    assert rendered_package(checkout, planned=False) == both[1:]


def test_share_waits_where_the_orchestration_says_so(checkout: Path) -> None:
    assert rendered_package(checkout, planned=True, packages_later=True) == [
        "nova_package_installed"
    ]
