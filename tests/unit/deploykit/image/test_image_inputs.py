"""What goes into the node image from the host, and what does not."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from deploykit.base.process import Result
from deploykit.image.build import SOURCES_FILE, image_options, mmdebstrap, own_sources
from deploykit.image.inputs import Inputs, read_inputs
from deploykit.image.overlay import overlay_files, write_metadata, write_tar
from deploykit.mirror.sources import Source, render_sources
from deploykit.mirror.wheels import parse_lock
from deploykit.mirror.wheelstore import own_lock

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://deb.example.org/debian https://user:secret@mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Enabled: no
Types: deb
URIs: http://off.example.org/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://armoured.example.org/debian
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 KEY
 -----END PGP PUBLIC KEY BLOCK-----
"""
LIST = """\
# deb http://commented.example.org/debian bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/one.asc] http://one.example.org/debian bookworm main
deb cdrom:[Debian]/ bookworm main
deb-src http://source.example.org/debian bookworm main
deb https://elsewhere.example.org/apt stable main
"""
APT_CONFIG = """\
Acquire::http::Proxy "http://proxy.example.org:3128";
Acquire::https::Proxy "http://me:secret@proxy.example.org:3128";
Acquire::https::SslKey "/root/client.key";
Acquire::Check-Valid-Until "false";
Acquire::http::Proxy::deb.example.org "DIRECT";
Dir::Etc "etc/apt";
APT::Install-Recommends "1";
"""


def apt_config(argv: object, **_: object) -> Result:
    return Result(("apt-config",), 0, APT_CONFIG, "", 0.0)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for path, text in (
        ("etc/apt/sources.list.d/debian.sources", DEB822),
        ("etc/apt/sources.list", LIST),
        ("etc/apt/auth.conf.d/mirror.conf", "machine mirror login me password secret"),
        ("etc/apt/keyrings/one.asc", "ONE"),
        ("usr/share/keyrings/debian.gpg", "DEBIAN"),
        ("usr/local/share/ca-certificates/own/own.crt", "CA"),
        ("usr/local/share/ca-certificates/own/own.key", "secret"),
    ):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def inputs(host: Path) -> Inputs:
    return read_inputs(host, date(2026, 11, 21), apt_config)


def test_enabled_debian_sources_are_carried(inputs: Inputs) -> None:
    assert [(source.uri, source.suite) for source in inputs.sources] == [
        ("http://one.example.org/debian", "bookworm"),
        ("http://deb.example.org/debian", "bookworm"),
        ("http://deb.example.org/debian", "bookworm-updates"),
        ("http://armoured.example.org/debian", "bookworm-security"),
    ]
    text = render_sources(inputs.sources)
    assert "Signed-By: /etc/apt/keyrings/one.asc" in text
    assert "Signed-By: \n -----BEGIN PGP" in text
    assert "Components: main contrib" in text


def test_what_is_left_out_is_named_without_its_secret(inputs: Inputs) -> None:
    told = "\n".join(inputs.left_out)
    for word in ("mirror.example.org", "elsewhere.example.org", "cdrom", "Acquire::https::Proxy"):
        assert word in told
    assert "credentials" in told
    assert "secret" not in told


def test_no_credential_reaches_the_image(inputs: Inputs) -> None:
    everything = render_sources(inputs.sources) + "".join(inputs.settings)
    everything += "".join(f"{path}{content}" for path, content in inputs.files)
    everything += " ".join(str(word) for word in mmdebstrap(inputs, Path("/x"), Path("/hook")))
    assert "secret" not in everything
    assert "client.key" not in everything


def test_proxies_keyrings_and_certificates_are_carried(inputs: Inputs) -> None:
    assert set(inputs.settings) == {
        'Acquire::http::Proxy "http://proxy.example.org:3128";',
        'Acquire::http::Proxy::deb.example.org "DIRECT";',
    }
    assert dict(inputs.files) == {
        "/etc/apt/keyrings/one.asc": "ONE",
        "/usr/share/keyrings/debian.gpg": "DEBIAN",
        "/usr/local/share/ca-certificates/own/own.crt": "CA",
    }


def test_same_inputs_have_the_same_key_all_week(host: Path) -> None:
    monday, sunday, next_monday = (
        read_inputs(host, day, apt_config).key
        for day in (date(2026, 11, 16), date(2026, 11, 22), date(2026, 11, 23))
    )
    assert monday == sunday
    assert sunday != next_monday


@pytest.mark.parametrize(
    "path",
    [
        "etc/apt/sources.list",
        "etc/apt/keyrings/one.asc",
        "usr/local/share/ca-certificates/own/own.crt",
    ],
)
def test_changed_file_of_the_host_changes_the_key(host: Path, inputs: Inputs, path: str) -> None:
    text = (host / path).read_text(encoding="utf-8")
    (host / path).write_text(text.replace("one", "two") + "x", encoding="utf-8")
    (host / "etc/apt/sources.list").write_text(
        (host / "etc/apt/sources.list").read_text(encoding="utf-8").replace("mainx", "main"),
        encoding="utf-8",
    )
    assert read_inputs(host, date(2026, 11, 21), apt_config).key != inputs.key


def test_packages_and_salt_change_the_key_and_notes_do_not(inputs: Inputs) -> None:
    assert replace(inputs, packages=("a",)).key != inputs.key
    assert replace(inputs, downloaded=("a",)).key != inputs.key
    assert replace(inputs, parts="other").key != inputs.key
    assert replace(inputs, salt="other").key != inputs.key
    assert replace(inputs, left_out=()).key == inputs.key


def test_image_has_the_salt_that_is_said(host: Path, inputs: Inputs) -> None:
    assert inputs.salt == own_lock().text
    other = parse_lock(own_lock().text.replace("salt==", "Salt=="), "salt.txt")
    said = read_inputs(host, date(2026, 11, 21), apt_config, salt=other)
    assert said.salt == other.text and said.key != inputs.key


def test_overlay_and_metadata_are_tars_of_root(tmp_path: Path, inputs: Inputs) -> None:
    write_tar(tmp_path / "o.tar", overlay_files(inputs))
    write_metadata(tmp_path / "m.tar", inputs.key, "x86_64", 0)
    with tarfile.open(tmp_path / "o.tar") as tar:
        members = {member.name: member for member in tar}
        assert "./etc/ssh/sshd_config.d/10-deploy-kit.conf" in members
        assert {(member.uid, member.gid, member.mode) for member in members.values()} == {
            (0, 0, 0o644)
        }
    with tarfile.open(tmp_path / "m.tar") as tar:
        text = tar.extractfile("metadata.yaml").read().decode()  # type: ignore[union-attr]
        named = {f"templates/{word.split()[-1]}" for word in text.replace("}", "").splitlines()
                 if "template:" in word}  # fmt: skip
        assert named <= set(tar.getnames())


@pytest.mark.parametrize(
    "option", ["trusted=yes", "Trusted=TRUE", "allow-insecure=1", "allow-downgrade-to-insecure=on"]
)
@pytest.mark.parametrize("form", ["list", "sources"])
def test_source_whose_packages_may_be_unsigned_is_left_out_and_named(
    host: Path, option: str, form: str
) -> None:
    name, value = option.split("=")
    line = f"deb [arch=amd64 {option}] http://lax.example.org/debian bookworm main\n"
    stanza = (
        "Types: deb\nURIs: http://lax.example.org/debian\nSuites: bookworm\nComponents: main\n"
        f"{name}: {value}\n"
    )
    file = host / f"etc/apt/sources.list.d/lax.{form}"
    file.write_text(line if form == "list" else stanza, encoding="utf-8")
    inputs = read_inputs(host, date(2026, 11, 21), apt_config)
    assert "lax.example.org" not in render_sources(inputs.sources)
    (told,) = [one for one in inputs.left_out if "lax.example.org" in one]
    assert told.endswith(f"unsigned packages there ({name.title()})")


def test_node_looks_whether_lists_are_out_of_date_unless_their_source_is_a_snapshot(
    host: Path,
) -> None:
    (host / "etc/apt/sources.list.d/old.list").write_text(
        "deb [check-valid-until=no trusted=no] http://old.example.org/debian bookworm main\n",
        encoding="utf-8",
    )
    inputs = read_inputs(host, date(2026, 11, 21), apt_config)
    assert not any("Check" in setting for setting in inputs.settings)
    assert any(one.startswith("Acquire::Check-Valid-Until: nodes look") for one in inputs.left_out)
    text = render_sources(inputs.sources)
    assert text.count("Check-Valid-Until: no") == 1
    assert "old.example.org/debian\nSuites: bookworm\nComponents: main\nCheck-Valid" in text


def test_image_of_a_set_of_packages_keeps_the_hosts_sources_for_its_nodes(inputs: Inputs) -> None:
    served = Source("http://127.0.0.1:8000", "bookworm", ("main",))
    mirrored = replace(inputs, mirror="a" * 64, week="", served=(served,))
    assert mirrored.made_of == (served,) and inputs.made_of == inputs.sources
    assert own_sources(mirrored)[SOURCES_FILE].decode() == render_sources(inputs.sources)
    assert own_sources(inputs) == {}
    assert 'Acquire::http::Proxy::127.0.0.1 "DIRECT"' in " ".join(image_options(mirrored))


def test_image_of_a_set_is_named_by_the_set_and_not_by_where_it_is_served(inputs: Inputs) -> None:
    served = Source("http://127.0.0.1:8000", "bookworm", ("main",))
    mirrored = replace(inputs, mirror="a" * 64, week="")
    assert mirrored.key == replace(mirrored, served=(served,)).key
    assert len({inputs.key, mirrored.key, replace(mirrored, mirror="b" * 64).key}) == 3
    assert inputs.key == replace(inputs, mirror="").key
