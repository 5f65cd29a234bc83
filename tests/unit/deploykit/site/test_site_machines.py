"""`machines` of an environment's file: how nodes are reached that are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment, parse_environment
from staticworld import host_key

A, B = host_key("a"), host_key("b")
BASE = """\
name: cloud
provider: static
networks: {management: {cidr: 10.20.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  compute: {roles: [hypervisor], count: 2, at: 31}
"""


def parsed(folder: Path, machines: str) -> Environment:
    (folder / "cloud.yml").write_text(BASE + machines, encoding="utf-8")
    return parse_environment(folder / "cloud.yml")


def test_machine_has_what_is_said_of_it_then_what_is_said_of_all(tmp_path: Path) -> None:
    found = dict(
        parsed(
            tmp_path,
            f"""\
machines:
  "*": {{user: debian, become: true, host_key_by: [console, "{{node}}"]}}
  compute1: {{address: "2001:db8::31", host_key: {A} me@there}}
  compute2: {{user: root, host_key: [{B}]}}
""",
        ).machines
    )
    salt, first, second = found["salt"], found["compute1"], found["compute2"]
    assert (str(salt.address), salt.user) == ("10.20.0.10", "debian")
    assert (salt.host_keys, salt.host_key_by) == ((), ("console", "{node}"))
    assert (str(first.address), first.host_keys, first.host_key_by) == ("2001:db8::31", (A,), ())
    assert (str(second.address), second.user, second.host_keys) == ("10.20.0.32", "root", (B,))
    assert first.place == f"{tmp_path / 'cloud.yml'}:9"


@pytest.mark.parametrize(
    ("machines", "line", "told"),
    [
        ("machines: {web: {}}", 7, "there is no node 'web'"),
        ("machines: {salt: {hostkey: x}}", 7, "unknown key 'hostkey'"),
        ("machines: {salt: {address: salt.example.org}}", 7, "is no IP address"),
        ("machines: {salt: {user: Root, host_key: x}}", 7, "'Root' is no name of a user"),
        ("machines: {salt: {}}", 7, "nobody knows the SSH host key of salt"),
        ("machines: {salt: {host_key: ssh-ed25519 AAAA}}", 7, "it is no public host key"),
        (f"machines: {{salt: {{host_key: {A[:-8]}}}}}", 7, "it is no public host key"),
        ("machines: {salt: {host_key_by: []}}", 7, "at least one word"),
        (f"machines: {{salt: {{user: me, become: false, host_key: {A}}}}}", 7, "'me' alone"),
        (f'machines: {{"*": {{host_key: {A}}}}}', 7, "several machines cannot have the same"),
        (
            f"machines:\n  salt: {{host_key: {A}}}\n  compute1: {{host_key: {A}}}",
            9,
            "it is already the host key of salt",
        ),
        (
            f"machines:\n  salt: {{address: 10.20.0.31, host_key: {A}}}\n"
            f"  compute1: {{host_key: {B}}}",
            9,
            "10.20.0.31 is already salt's",
        ),
        (
            f"machines:\n  salt: {{address: 192.0.2.1, host_key: {A}}}\n"
            f"  compute1:\n    address: 192.0.2.1\n    host_key: {B}",
            10,
            "192.0.2.1 is already salt's",
        ),
    ],
)
def test_machine_that_cannot_be_is_told_with_file_and_line(
    tmp_path: Path, machines: str, line: int, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        parsed(tmp_path, machines + "\n")
    assert caught.value.message.startswith(f"{tmp_path / 'cloud.yml'}:{line}: ")
    assert told in caught.value.message


def test_how_a_machine_is_reached_changes_nothing_of_what_stands(tmp_path: Path) -> None:
    before = environment_digest(parsed(tmp_path, ""))
    after = parsed(tmp_path, f"machines: {{salt: {{address: 192.0.2.1, host_key: {A}}}}}\n")
    assert environment_digest(after) == before
