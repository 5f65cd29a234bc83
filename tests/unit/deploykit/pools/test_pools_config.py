"""pools.yml: what it may say, and what is told of the rest with file, line and the nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.pools import UserSpec
from deploykit.pools.config import Config, read_config

WHOLE = """\
database: postgresql://pools@db.example.org/pools
starts: 4
users:
  default: {pods: 2}
  gate: {pods: 20, priority: 10}
hosts:
  left: {provider: lxd, memory: 16G, pods: 12, starts: 4}
  right: {provider: lxd}
  cloud: {provider: openstack, pods: 100}
pools:
  small:
    environment: test
    line: production
    memory: 2G
    ready: 2
    max: 6
    max_age: 12h
    health: 10m
    longest: 1d
    hosts: ["[lr]*", cloud]
  bare: {environment: staging, bare: true, memory: 512M}
"""
LEAST = "hosts: {this: {provider: lxd}}\npools:\n  small: {environment: test, memory: 1G"


def read(folder: Path, text: str) -> Config:
    (folder / "pools.yml").write_text(text)
    return read_config(folder / "pools.yml", {"test", "staging", "production"})


def test_file_that_says_all_is_read(tmp_path: Path) -> None:
    config = read(tmp_path, WHOLE)
    small, bare = config.pools["small"], config.pools["bare"]
    assert (small.environment, small.line, small.release, small.bare) == (
        "test", "production", "", False
    )  # fmt: skip
    assert (small.memory, small.ready, small.max) == (2 * 2**30, 2, 6)
    assert (small.max_age, small.health, small.longest) == (43200, 600, 86400)
    assert small.hosts == (frozenset({"left", "right"}), frozenset({"cloud"}))
    assert bare.bare and bare.hosts == (frozenset({"left", "right", "cloud"}),)
    assert (config.hosts["left"].memory, config.hosts["right"].memory) == (16 * 2**30, None)
    assert config.user("gate") == UserSpec(20, 10)
    assert config.user("ada") == UserSpec(2)
    assert (config.starts, config.database) == (4, "postgresql://pools@db.example.org/pools")


def test_user_whom_nobody_names_may_hold_a_few(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST + "}\n").user("ada").pods == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LEAST + ", redy: 1}\n", "pools.yml:3: pools.small.redy: unknown key 'redy'"),
        (LEAST + ", ready: 5}\n", "pools.yml:3: pools.small.ready: more than its 'max', 4"),
        (LEAST + ", hosts: [thos]}\n", "there is no host 'thos'"),
        (LEAST + ", hosts: []}\n", "there is no host"),
        (LEAST + ", bare: true, line: test}\n", "one of 'bare', 'release' and 'line'"),
        (LEAST + ", max_age: 30s}\n", "pools.small.max_age: less than a minute"),
        (LEAST + ", longest: soon}\n", "not a duration"),
        (LEAST.replace("test", "tset") + "}\n", "there is no environment 'tset'"),
        (LEAST.replace("1G", "1X") + "}\n", "not an amount of memory: '1X'"),
        ("hosts: {}\npools: {}\n", "there is no host"),
        ("pools: {}\n", "'hosts' is missing"),
        (LEAST + "}\ndatabase: postgresql://a:secret@h/d\n", "a password stands in the file"),
        (LEAST + "}\ndatabase: mysql://h/d\n", "no database that is known"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, text)
    assert told in raised.value.message
    assert "secret" not in raised.value.message


def test_nearest_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, LEAST + ", redy: 1}\n")
    assert raised.value.remedy == "did you mean 'ready'?"
