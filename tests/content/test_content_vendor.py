"""What is told of packages that a mirror does not give, or that do not install."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

Blame = Callable[[str], str]


@pytest.fixture(scope="module")
def blame(checkout: Path) -> Blame:
    found: Blame = runpy.run_path(str(checkout / "salt/states/vendor/files/get.py"))["blame"]
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
