"""Of a person's git configuration counts how servers are reached, and credentials stay with those
servers that are named."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from gitshelf.git import configuration
from hypothesis import given
from hypothesis import strategies as st

from gitshelf import git

VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
NAMES = st.text(st.characters(exclude_characters="\0\n", exclude_categories=("Cs",)), max_size=12)


def listed(file: str) -> list[tuple[str, str | None]]:
    command = ["git", "config", "--file", file, "--list", "-z"]
    out = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout.decode()
    pairs = [entry.partition("\n") for entry in out.split("\0")[:-1]]
    return [(key, value if equals else None) for key, equals, value in pairs]


@given(st.lists(st.tuples(NAMES, st.none() | VALUES), max_size=5))
def test_settings_are_handed_to_git_as_they_were(some: list[tuple[str, str | None]]) -> None:
    settings = [(f"url.{name}.insteadof", value) for name, value in some]
    text = configuration.render(settings)
    assert listed(configuration.file_of(text))[2:] == settings


def config_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = tmp_path / "person"
    file.write_text(text)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))


def test_unbound_credentials_are_bound_to_the_servers_named_and_mapped_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_of(
        tmp_path,
        monkeypatch,
        """[http]
    extraHeader =
    extraHeader = Authorization: Basic x
    proxy = http://proxy:3128
    sslCert = /c
[http "https://mine.example.org/"]
    extraHeader = Mine: 1
[credential]
    helper = store
    useHttpPath = true
[url "https://token@mirror.example.org/x/"]
    insteadOf = https://far.example.org/
[diff]
    noprefix = true
""",
    )
    named = ["https://Git.example.org:443/a", "https://git.example.org/b", "/tmp/y", "file:///z"]
    env = git.isolated([*named, "ssh://git@code.example.org:22/x", "git@code.example.org:y"])
    servers = ("https://code", "https://git", "https://mirror")
    servers = tuple(f"{server}.example.org" for server in servers)
    bound = [
        (f"{section}.{server}.{variable}", value)
        for section, variable, value in (
            ("http", "extraheader", ""),
            ("http", "extraheader", "Authorization: Basic x"),
            ("http", "sslcert", "/c"),
            ("credential", "helper", "store"),
        )
        for server in servers
    ]
    assert sorted(listed(env["GIT_CONFIG_GLOBAL"])) == sorted(
        [
            *bound,
            ("core.attributesfile", "/dev/null"),
            ("core.excludesfile", "/dev/null"),
            ("http.proxy", "http://proxy:3128"),
            ("http.https://mine.example.org/.extraheader", "Mine: 1"),
            ("credential.usehttppath", "true"),
            ("url.https://token@mirror.example.org/x/.insteadof", "https://far.example.org/"),
        ]
    )


@pytest.mark.parametrize(
    ("configured", "environment", "expected"),
    [
        ("", {}, "ssh -o BatchMode=yes"),
        ("[core]\nsshCommand = ssh -i k\n", {}, "ssh -i k -o BatchMode=yes"),
        ("[core]\nsshCommand = no\n", {"GIT_SSH_COMMAND": "my ssh"}, "my ssh -o BatchMode=yes"),
        ("", {"GIT_SSH": "/a b/ssh"}, "'/a b/ssh' -o BatchMode=yes"),
        ("[ssh]\nvariant = plink\n", {"GIT_SSH": "plink"}, "plink"),
    ],
)
def test_ssh_is_the_persons_own_and_never_asks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    configured: str,
    environment: dict[str, str],
    expected: str,
) -> None:
    config_of(tmp_path, monkeypatch, configured)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    for env in (git.environment(), git.isolated()):
        assert env["GIT_SSH_COMMAND"].startswith(expected)


def test_environment_keeps_a_persons_configuration_and_how_servers_are_reached_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "user.name",
        "GIT_CONFIG_VALUE_0": "N",
        "GIT_ASKPASS": "/askpass",
        "GIT_SSL_CAINFO": "/ca",
        "GIT_TRACE_CURL": str(tmp_path / "trace"),
        "https_proxy": "http://proxy",
    }
    gone = {
        "GIT_DIR": "/x",
        "GIT_INDEX_FILE": "/x",
        "GIT_OBJECT_DIRECTORY": "/x",
        "GIT_CONFIG_PARAMETERS": "'core.bare=true'",
        "GIT_TRACE": "1",
        "GIT_ANYTHING_NEW": "1",
    }
    for key, value in (kept | gone).items():
        monkeypatch.setenv(key, value)
    env = git.environment()
    assert {key: env.get(key) for key in kept} == kept
    assert gone.keys().isdisjoint(env)
    assert git.isolated()["GIT_ASKPASS"] == "true"
    assert git.isolated(["https://h/x"], "https://h/y")["GIT_ASKPASS"] == "/askpass"
    assert git.isolated(["https://h/x"], "https://other/y")["GIT_ASKPASS"] == "true"
    assert git.isolated(["https://h/x"], "http://h/x")["GIT_ASKPASS"] == "true"


def test_configuration_that_git_cannot_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_of(tmp_path, monkeypatch, "[core\n")
    with pytest.raises(git.GitshelfError, match=r"git cannot read its configuration: .*person"):
        git.isolated()


def test_change_of_a_persons_configuration_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_of(tmp_path, monkeypatch, "")
    assert len(listed(git.isolated()["GIT_CONFIG_GLOBAL"])) == 2
    config_of(tmp_path, monkeypatch, "[http]\nproxy = http://p\n")
    assert ("http.proxy", "http://p") in listed(git.isolated()["GIT_CONFIG_GLOBAL"])
