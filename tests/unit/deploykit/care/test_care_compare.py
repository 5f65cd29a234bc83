"""In what two environments differ, and what of it was to be expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deploykit.care.compare import (
    Difference,
    Kind,
    Seen,
    compare_nodes,
    compare_roles,
    compare_secrets,
    compare_settings,
)
from deploykit.care.compare.lines import NAMES, NODES, Expected, compare_lines
from deploykit.care.compare.words import shape, words_of
from deploykit.nodes.inventory import Host
from deploykit.nodes.portraits import NodeFile, Portrait
from deploykit.site.environment import Environment, parse_environment

FILE = """name: {name}
networks: {{management: {{cidr: 10.{n}.0.0/24}}, external: {{cidr: 10.{n}.2.0/24}}}}
nodes:
  {p}salt: {{roles: [master], at: 10}}
  {p}db: {{roles: [database, cache], at: 11}}
  {p}hv: {{roles: [hypervisor], count: {count}, at: 21}}
"""


def environment(folder: Path, name: str, n: int, count: int = 2, prefix: str = "") -> Environment:
    file = folder / f"{name}.yml"
    file.write_text(FILE.format(name=name, n=n, count=count, p=prefix))
    return parse_environment(file)


def expected(one: Environment, other: Environment, **values: Any) -> Expected:
    alike = shape(one) == shape(other)
    words = [words_of(side, {}, alike=alike) for side in (one, other)]
    return Expected((words[0], words[1]), values, alike)


@pytest.fixture
def alike(tmp_path: Path) -> Expected:
    """Staging and production with the same nodes; a setting of 64 and 128."""
    sides = environment(tmp_path, "staging", 20), environment(tmp_path, "production", 30, 2, "p-")
    return expected(*sides, **{"memcached.memory": [("64", "128")]})


def told(first: str, second: str, known: Expected) -> list[tuple[str, str, str]]:
    found = compare_lines(first.splitlines(), second.splitlines(), known)
    return [(one.first, one.second, one.why) for one in found]


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("bind = 10.20.0.11", "bind = 10.30.0.11", NAMES),
        ("bind = 10.20.0.11", "bind = 10.30.0.21", ""),  # another node than in the other one
        ("first = hv1", "first = p-hv2", ""),
        ("host = db", "host = p-db", NAMES),
        ("server db-unchecked 10.20.0.11", "server p-db-unchecked 10.30.0.11", NAMES),
        ("host = db ca = db-ca", "host = p-db ca = db-ca", NAMES),  # no node is meant by db-ca
        ("host = db-one", "host = p-db-two", ""),
        ("pool = 10.20.2.100-10.20.2.120", "pool = 10.30.2.100-10.30.2.120", NAMES),
        ("pool = 10.20.2.100", "pool = 10.30.2.101", ""),
        ("net = 10.20.0.0/24", "net = 10.30.0.0/24", NAMES),
        ("region = staging", "region = production", NAMES),
        ("-m 64", "-m 128", "settings: memcached.memory"),
        ("-m 64 -l 10.20.0.11", "-m 128 -l 10.30.0.11", "settings: memcached.memory"),
        ("-m 64", "-m 256", ""),
        ("-m 640", "-m 1280", ""),
        ("password = «secret a»", "password = «secret b»", ""),
        ("password = «hidden 01»", "password = «hidden 02»", ""),
        ("workers = 2", "workers = 4", ""),
        ("resolver = 192.0.2.1", "resolver = 192.0.2.2", ""),
    ],
)
def test_line_that_differs_says_whether_that_was_to_be_expected(
    alike: Expected, first: str, second: str, why: str
) -> None:
    assert told(f"# same\n{first}\nend", f"# same\n{second}\nend", alike) == [(first, second, why)]


def test_equal_lines_are_no_difference_whatever_names_they_have(alike: Expected) -> None:
    assert told("host db\nmode staging", "host db\nmode staging", alike) == []


def test_more_nodes_are_to_be_expected_and_other_lines_are_not(tmp_path: Path) -> None:
    sides = environment(tmp_path, "staging", 20, 1), environment(tmp_path, "production", 30, 3)
    first = "servers = 10.20.0.21:1\nserver hv1 10.20.0.21\n"
    second = (
        "servers = 10.30.0.21:1,10.30.0.22:1,10.30.0.23:1\n"
        "server hv1 10.30.0.21\nserver hv2 10.30.0.22\nserver hv3 10.30.0.23\ndebug\n"
    )
    found = told(first, second, expected(*sides))
    assert [one[1] for one in found if one[2] == ""] == ["debug"]
    assert {why for _, _, why in found if why} <= {NAMES, NODES}


def portrait(**more: Any) -> Portrait:
    plain: dict[str, Any] = {"kernel": "6.1", "packages": {}, "units": {}, "files": {}}
    return Portrait(**{**plain, **more})


def seen(hosts: dict[str, str], looks: dict[str, Portrait], **more: Any) -> Seen:
    """One side: nodes and their roles, how they look, the component that owns all their files."""
    made = tuple(Host(name, tuple(roles.split()), "", "", {}, ()) for name, roles in hosts.items())
    owned = {
        name: {more.get(name, "nova"): dict.fromkeys(look.files, True)}
        for name, look in looks.items()
    }
    described: dict[str, int] = {}
    for host in made:
        for role in host.roles:
            described[role] = described.get(role, 0) + 1
    return Seen(made, looks, owned, more.get("described", described))


def test_nodes_are_compared_by_their_roles_and_what_several_share_is_told_once(
    alike: Expected,
) -> None:
    old, new = portrait(packages={"nova": "1"}), portrait(packages={"nova": "2"}, kernel="6.2")
    one = seen({"hv1": "hypervisor", "hv2": "hypervisor"}, {"hv1": old, "hv2": old})
    other = seen({"a": "hypervisor", "b": "hypervisor"}, {"a": new, "b": new})
    kernel, package = compare_nodes(one, other, alike)
    assert (kernel.kind, kernel.first, kernel.second) == (Kind.KERNEL, "6.1", "6.2")
    assert package == Difference(
        Kind.PACKAGE, "nova", "1", "2", "", ("hypervisor",), ("hv1|a", "hv2|b")
    )


def test_what_only_one_of_two_nodes_with_other_roles_has_is_to_be_expected(
    alike: Expected,
) -> None:
    both = portrait(packages={"a": "1", "b": "1"}, files={"/etc/b": NodeFile("file")})
    split = portrait(packages={"a": "1"})
    one = seen({"all": "database cache"}, {"all": both}, all="memcached")
    other = seen({"db": "database"}, {"db": split})
    found = {d.what: d.why for d in compare_nodes(one, other, alike)}
    assert found == {"b": "other roles on the node", "/etc/b": "other roles on the node"}
    same = seen({"db": "database cache"}, {"db": split})
    assert {d.why for d in compare_nodes(one, same, alike)} == {""}


def test_file_differs_by_its_kind_rights_and_lines(alike: Expected) -> None:
    def file(*lines: str, kind: str = "file", rights: str = "0644 root:root") -> Portrait:
        return portrait(files={"/etc/x": NodeFile(kind, rights, lines)})

    one = seen({"db": "database"}, {"db": file("a = 1", "bind = 10.20.0.11", "c = 1")})
    other = seen({"p": "database"}, {"p": file("a = 2", "bind = 10.30.0.11", "c = 1")})
    lines, names = compare_nodes(one, other, alike)
    assert (lines.first, lines.second, lines.expected) == ("a = 1", "a = 2", False)
    assert (names.why, names.roles) == (NAMES, ("database",))
    gone = seen({"p": "database"}, {"p": file(kind="absent", rights="")})
    assert [(d.first, d.second) for d in compare_nodes(one, gone, alike)] == [("file", "absent")]
    closed = file("a = 1", "bind = 10.20.0.11", "c = 1", rights="0600 root:root")
    (rights,) = compare_nodes(one, seen({"p": "database"}, {"p": closed}), alike)
    assert rights.second == "0600 root:root"


def test_hidden_value_that_differs_is_told_without_its_mark(alike: Expected) -> None:
    def look(mark: str) -> Portrait:
        return portrait(files={"/etc/x": NodeFile("file", "", (f"id «hidden {mark}»",))})

    sides = [seen({"db": "cache"}, {"db": look(mark)}) for mark in ("0a", "0b")]
    (found,) = compare_nodes(*sides, alike)
    assert (found.first, found.second, found.expected) == ("id «hidden»", "id «hidden»", False)


def test_more_nodes_of_a_role_are_expected_only_if_the_files_say_so() -> None:
    look = portrait()
    one = seen({"a": "cache"}, {"a": look})
    two = seen({"a": "cache", "b": "cache"}, {"a": look, "b": look})
    assert [d.why for d in compare_roles(one, two)] == ["the environment files say so"]
    left_out = seen({"a": "cache"}, {"a": look}, described={"cache": 2})
    assert [(d.first, d.second, d.why) for d in compare_roles(left_out, two)] == [("1", "2", "")]


def test_settings_of_environment_files_are_expected_and_those_of_releases_are_not() -> None:
    values = {"a.b": ("1", "2", True), "c.d": ("1", "", False)}
    found = {d.what: d.expected for d in compare_settings(values)}
    assert found == {"a.b": True, "c.d": False}


def test_secret_that_two_environments_share_is_not_expected() -> None:
    first, second = {"own": "1", "shared": "2", "here": "3"}, {"own": "4", "shared": "2"}
    found = {
        d.what: (d.first, d.second, d.expected) for d in compare_secrets(first, second, alike=True)
    }
    assert found == {
        "own": ("its own", "its own", True),
        "shared": ("equal", "equal", False),
        "here": ("there", "", False),
    }
    others = {d.what: d.expected for d in compare_secrets(first, second, alike=False)}
    assert (others["here"], others["shared"]) == (True, False)
