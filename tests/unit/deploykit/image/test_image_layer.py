"""The image layer: which packages it has, what its key depends on, what is told when it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from deploykit.base.errors import CommandFailed, InputError
from deploykit.image.build import SOURCES_FILE
from deploykit.image.inputs import DOWNLOADED, Inputs, Source
from deploykit.image.layer import Layer, failure, mmdebstrap, refuse_missing
from deploykit.site.content import read_content
from deploykit.site.environment import load_environments

ROLES = """\
common: [trust]
roles:
  master: {components: [], memory: 500M}
  database: {components: [mariadb], memory: 1G, stage: foundation}
  volume: {}
"""
BASE = Inputs((), (), ('Acquire::http::Proxy "http://proxy.example.org";',), (), "s", "2026-W47")


@pytest.fixture
def content(tmp_path: Path) -> Path:
    (tmp_path / "pillar").mkdir()
    (tmp_path / "roles.yml").write_text(ROLES, encoding="utf-8")
    (tmp_path / "pillar" / "mariadb.sls").write_text("mariadb:\n  packages: [b, a-db]\n")
    (tmp_path / "pillar" / "trust.sls").write_text("trust:\n  packages: [ca-certificates]\n")
    return tmp_path


def test_packages_are_those_of_every_component(content: Path) -> None:
    (content / "pillar" / "mariadb.sls").write_text("mariadb: {packages: [mariadb-server]}\n")
    assert read_content(content).packages() == ("ca-certificates", "mariadb-server")


def test_memory_of_roles_is_read_in_bytes(content: Path) -> None:
    assert read_content(content).memory == {"master": 500 * 2**20, "database": 2**30}


def test_name_that_is_no_package_is_told_with_its_place(content: Path) -> None:
    with pytest.raises(InputError, match=r"mariadb.sls:2: .*'b' is not the name of a Debian"):
        read_content(content).packages()


def test_missing_content_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"roles.yml: there is no such file"):
        read_content(tmp_path)


def test_key_follows_image_and_packages() -> None:
    layer = Layer(BASE, ("keystone",))
    assert layer.key == Layer(BASE, ("keystone",)).key
    assert len({layer.key, BASE.key, Layer(BASE, ("keystone", "nova-api")).key,
                Layer(replace(BASE, week="2026-W48"), ("keystone",)).key}) == 4  # fmt: skip


def test_suites_are_those_that_the_content_names(content: Path) -> None:
    assert read_content(content).suites == ()
    (content / "pillar" / "vendor.sls").write_text("vendor: {suites: [bookworm]}\n")
    assert read_content(content).suites == ("bookworm",)


def test_suite_that_is_not_named_is_held_back_and_changes_the_key(tmp_path: Path) -> None:
    suites = ("bookworm", "bookworm-security")
    base = replace(BASE, sources=tuple(Source("http://x", suite, ("main",)) for suite in suites))
    every, alone = Layer(base, ("a",), suites), Layer(base, ("a",), suites[:1])
    assert every.key == Layer(base, ("a",)).key != alone.key
    assert alone.held == ("bookworm-security",)
    words = [str(word) for word in mmdebstrap(alone, tmp_path, tmp_path, tmp_path / "layer.sh")]
    assert "HELD=bookworm-security" in words


def test_suite_that_the_host_has_no_source_of_is_refused_before_anything_is_built() -> None:
    base = replace(BASE, sources=(Source("http://x", "bookworm", ("main",)),))
    with pytest.raises(InputError, match="no source of bookworm-security"):
        refuse_missing(Layer(base, ("a",), ("bookworm", "bookworm-security")))


def test_call_keeps_what_was_downloaded_and_takes_no_words_for_options(tmp_path: Path) -> None:
    words = [str(word) for word in mmdebstrap(Layer(BASE, ("a", "b")), tmp_path, tmp_path / "c",
                                              tmp_path / "layer.sh")]  # fmt: skip
    assert "PACKAGES=a b" in words
    assert f"ARCHIVE={tmp_path / 'c'}" in words
    assert '--aptopt=Acquire::http::Proxy "http://proxy.example.org";' in words


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("E: Unable to locate package nova-apu\n", "package nova-apu cannot be had"),
        ("Err:1 x\nE: Failed to fetch http://deb.example.org/pool/main/n/nova/nova-api_26%3a1_all"
         ".deb  404  Not Found [IP: 192.0.2.1 80]\n", "package nova-api cannot .*404 Not Found"),
        ("dpkg: error processing package glance-api (--configure):\n", "package glance-api"),
        ("dpkg: error processing archive /var/cache/apt/archives/haproxy_2.6_amd64.deb (--unpack)"
         ":\n", "package haproxy"),
        ("E: Package 'tgt' has no installation candidate\n", "package tgt"),
    ],
)  # fmt: skip
def test_package_that_failed_is_named(said: str, told: str) -> None:
    error = failure(f"Reading package lists...\n{said}mmdebstrap failed\n", Path("the.log"))
    assert __import__("re").search(told, error.message)
    assert "the.log" in error.remedy


def test_failure_without_a_name_shows_the_end() -> None:
    error = failure("one\ntwo\nE: no space left\n", Path("the.log"))
    assert isinstance(error, CommandFailed)
    assert "no space left" in error.message


def test_archive_of_the_node_image_holds_what_the_train_installs(checkout: Path) -> None:
    """DOWNLOADED is the part of the content's packages that the environments of the train need."""
    content = read_content(checkout / "salt")
    roles = {
        role
        for environment in load_environments(checkout / "deploy-kit" / "environments").values()
        if not environment.installed
        for node in environment.nodes
        for role in node.roles
    }
    components = {*content.common, *(c for role in roles for c in content.roles[role])}
    assert set(content.packages(components)) - {"ca-certificates", "python3-apt"} == set(DOWNLOADED)


def test_layer_on_an_image_of_a_set_comes_from_the_set_and_keeps_the_images_sources(
    tmp_path: Path,
) -> None:
    base = replace(BASE, mirror="a" * 64, served=(Source("http://s", "bookworm", ("main",)),))
    layer = Layer(base, ("a",), ("bookworm", "bookworm-security"))
    refuse_missing(layer)
    assert layer.held == ()
    words = [str(word) for word in mmdebstrap(layer, tmp_path, tmp_path, tmp_path / "layer.sh")]
    (unpack,) = [word for word in words if word.startswith("--setup-hook=")]
    assert f"--exclude=.{SOURCES_FILE}" in unpack
    hooks = [word for word in words if word.startswith("--customize-hook=")]
    assert hooks[-1] == f"--customize-hook=upload {tmp_path}/own.sources {SOURCES_FILE}"
    plain = [str(word) for word in mmdebstrap(Layer(BASE, ("a",)), tmp_path, tmp_path, tmp_path)]
    assert not [word for word in plain if SOURCES_FILE in word]
