from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.mirror.changelogs import Entry
from deploykit.mirror.difference import SourceChange, compare_sets
from deploykit.mirror.indexes import find_packages, needed_everywhere, parse_simulation
from deploykit.mirror.needs import BARE, not_covered, sources_of_suites, wanted_packages
from deploykit.mirror.packageset import (
    Package,
    PackageSet,
    Snapshot,
    Stranger,
    find_strangers,
    parse_set,
    set_json,
)
from deploykit.mirror.pruning import Spare, spare_sets, unheld
from deploykit.mirror.sources import Source, parse_sources
from deploykit.mirror.store import Held, Holding
from deploykit.site.content import Content

INDEX = """\
Package: libssl3
Source: openssl
Version: 3.0.17-1
Architecture: amd64
Priority: optional
Filename: pool/main/o/openssl/libssl3_3.0.17-1_amd64.deb
Size: 2020
SHA256: {sha}

Package: dash
Source: dash (0.5.12-2)
Essential: yes
Version: 0.5.12-2+b1
Architecture: amd64
Priority: required
Filename: pool/main/d/dash/dash_0.5.12-2+b1_amd64.deb
Size: 97
SHA256: {sha}
""".format(sha="a" * 64)


def package(name: str, version: str = "1.0", source: str = "") -> Package:
    file = f"{name}_{version}_all.deb"
    return Package(name, version, "all", "a" * 64, 7, file, source or name, version)


def make_set(roles: dict[str, tuple[str, ...]], *packages: Package) -> PackageSet:
    return PackageSet((Snapshot("bookworm", tuple(sorted(packages))),), roles)


def test_simulation_is_read_with_upgrades_and_other_architectures() -> None:
    said = (
        "Inst libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64]) []\n"
        "Inst keystone [2:22.0.1-1] (2:22.0.2-0+deb12u6 Debian-Security:12/oldstable [all])\n"
        "Conf libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])\n"
        "Inst zlib1g:amd64 (1:1.2 Debian:12.15/oldstable, Debian:12/updates [amd64])\n"
    )
    assert parse_simulation(said) == {
        "libc6": "2.36-9+deb12u14",
        "keystone": "2:22.0.2-0+deb12u6",
        "zlib1g": "1:1.2",
    }


def test_index_gives_files_digests_and_sources() -> None:
    wanted = {("libssl3", "3.0.17-1"), ("dash", "0.5.12-2+b1"), ("dash", "0.5")}
    dash, ssl = sorted(find_packages(INDEX, wanted))
    assert (ssl.source, ssl.source_version, ssl.size) == ("openssl", "3.0.17-1", 2020)
    assert (dash.source, dash.source_version) == ("dash", "0.5.12-2")
    assert dash.file == "dash_0.5.12-2+b1_amd64.deb"
    assert not list(find_packages(INDEX, {("dash", "0.5")}))
    assert needed_everywhere(INDEX) == {"dash"}


def test_set_is_named_by_packages_and_roles_alone() -> None:
    one = make_set({"cache": ("a", "b")}, package("a"), package("b"))
    assert one.digest == make_set({"cache": ("a", "b")}, package("b"), package("a")).digest
    others = (
        make_set({"cache": ("a",)}, package("a"), package("b")),
        make_set({"cache": ("a", "b")}, package("a"), package("b", "1.1")),
        make_set({"cache": ("a", "b")}, package("a"), replace(package("b"), sha256="b" * 64)),
        PackageSet((Snapshot("sid", one.snapshots[0].packages),), one.roles),
    )
    assert len({one.digest, *(other.digest for other in others)}) == 5
    assert one.closure("cache") == {"a": "1.0", "b": "1.0"}


def test_set_that_was_changed_on_disk_is_refused() -> None:
    one = make_set({"cache": ("a",)}, package("a"))
    text = json.dumps(set_json(one))
    assert parse_set(text, "here") == one
    for changed in (text.replace("1.0", "1.1"), text[:-1], "[]"):
        with pytest.raises(InputError, match="here: this is no set of packages"):
            parse_set(changed, "here")


def test_nodes_versions_that_the_set_has_not_are_told_but_for_what_is_theirs() -> None:
    one = make_set({"cache": ("a", "b")}, package("a"), package("b"))
    assert not list(find_strangers({"cache": {"a": "1.0", "linux-image": "6.1"}}, one))
    seen = {"cache": {"a": "1.0", "b": "1.0 (cache2: 0.9)"}}
    found = list(find_strangers(seen, one))
    assert found == [Stranger("cache", "b", "1.0 (cache2: 0.9)", "1.0")]


def test_sets_differ_by_source_with_roles_and_what_is_closed() -> None:
    old = make_set(
        {BARE: ("base",), "cache": ("base", "m"), "web": ("base", "gone")},
        package("base"), package("m", source="mem"), package("gone"), package("back", "2.0"),
    )  # fmt: skip
    new = make_set(
        {BARE: ("base",), "cache": ("base", "m", "m-doc"), "web": ("base",)},
        package("base", "1.1"), package("m", "1.2", "mem"), package("m-doc", "1.2", "mem"),
        package("back", "1.0"),
    )  # fmt: skip
    asked = []

    def changelog(packages: Sequence[Package]) -> tuple[Entry, ...]:
        asked.append(packages[0].source)
        return (Entry("1.2", ("CVE-2026-1",)), Entry("1.0", ("CVE-2020-1",)))

    back, base, gone, mem = compare_sets(old, new, changelog)
    assert mem == SourceChange("mem", "1.0", "1.2", ("m", "m-doc"), ("cache",), ("CVE-2026-1",))
    assert (base.packages, base.roles) == (("base",), ())
    assert (gone.old, gone.new, gone.roles) == ("1.0", "", ("web",))
    assert back.goes_back and not back.closes and not mem.goes_back
    assert asked == ["base", "mem"]
    assert compare_sets(old, old, changelog) == ()
    assert len(compare_sets(None, new, changelog)) == 3


def test_roles_are_wanted_with_what_every_node_has(tmp_path: Path) -> None:
    (tmp_path / "pillar").mkdir()
    for name, packages in (("vendor", "[python3-apt]"), ("mem", "[memcached]")):
        (tmp_path / "pillar" / f"{name}.sls").write_text(f"{name}: {{packages: {packages}}}\n")
    content = Content(tmp_path, ("vendor",), {"master": (), "cache": ("mem",)}, {})
    wanted = wanted_packages(content, ("dbus",))
    assert wanted == {
        BARE: ("dbus", "python3-apt"),
        "master": ("dbus", "python3-apt"),
        "cache": ("dbus", "memcached", "python3-apt"),
    }
    assert not_covered(wanted, make_set({}, package("dbus"), package("python3-apt"))) == (
        "memcached",
    )


def test_suite_without_a_source_or_with_a_lax_one_is_refused_by_name() -> None:
    first, other = Source("http://one", "bookworm", ("main",)), Source("http://two", "bookworm", ())
    assert sources_of_suites([first, other], ["bookworm"]) == (first,)
    with pytest.raises(InputError, match="no source of bookworm-security"):
        sources_of_suites([first], ["bookworm", "bookworm-security"])
    lax = next(iter(parse_sources("Types: deb\nURIs: http://x\nSuites: sid\nTrusted: yes\n")))
    with pytest.raises(InputError, match=r"http://x sid: apt would take unsigned packages"):
        sources_of_suites([lax], ["sid"])


def test_sets_that_no_kit_pins_are_spare_but_for_the_newest() -> None:
    held = tuple(Held(name, "2026-11-21T12:00:00Z") for name in ("a", "b", "c"))
    holdings = {"me": Holding("/me", "/p", held), "gone": Holding("/gone", "/q", held[:1])}
    assert spare_sets(holdings, "me", {"b"}, {"me"}) == Spare(("a",), ("gone",))
    assert spare_sets(holdings, "me", {"a", "b"}, {"me", "gone"}) == Spare((), ())
    assert spare_sets({}, "me", set(), {"me"}) == Spare((), ())
    assert unheld(holdings.values(), ("a", "d")) == ("d",)
