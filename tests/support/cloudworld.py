"""A site whose environment is made of servers of clouds that are dictionaries (fakecloud.py).

`ssh` is a script in the place of the real one, which lets in whoever knows the host key that the
server was told to have: by user data, as a server learns it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deploykit.image.disk import DiskImage
from deploykit.providers.openstack import OpenstackProvider
from deploykit.providers.openstack.cloud import Cloud
from deploykit.site import Site, open_site
from deploykit.site.environment import Environment
from environmentfile import EnvironmentFile
from fakecloud import FakeCloud, serving, write_clouds

SSH = """\
#!/bin/sh
# ssh -F CONFIG -T NAME COMMAND
config=$2; shift 3; name=$1; shift
known=$(awk '$1 == "UserKnownHostsFile" { gsub(/"/, "", $2); print $2; exit }' "$config")
if ! grep -qxF "$name $(cat "$SERVERS/$name" 2>/dev/null)" "$known"; then
    echo "Host key verification failed." >&2; exit 255
fi
case "$*" in */dev/tcp/*) printf SSH- ;; esac
"""
ENVIRONMENT = """\
name: tiny
provider: openstack
networks:
  management: {cidr: 10.20.0.0/24}
  tunnel: {cidr: 10.20.1.0/24}
nodes:
  salt: {roles: [master], at: 10}
  web: {roles: [load-balancer], at: 11}
openstack:
  clouds: [first, second]
"""


class Killed(BaseException):
    """What a process that was killed does: nothing any more."""


@dataclass(frozen=True)
class World(EnvironmentFile):
    """A site with the environment `tiny`, and two clouds that it may be in."""

    site: Site
    first: FakeCloud
    second: FakeCloud
    clouds_yaml: Path

    @property
    def provider(self) -> OpenstackProvider:
        return OpenstackProvider(self.site)

    @property
    def file(self) -> Path:
        return self.site.folder / "environments" / "tiny.yml"

    @property
    def environment(self) -> Environment:
        return self.site.environment("tiny")


class Servers(FakeCloud):
    """A cloud whose servers become what their user data says: files of their host keys."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def _make_server(self, body: dict[str, Any]) -> Any:
        answer = super()._make_server(body)
        if answer[0] == 202:
            told = user_data(body)
            (self.folder / told["hostname"]).write_text(told["ssh_keys"]["ed25519_public"] + "\n")
        return answer


def user_data(server: dict[str, Any]) -> dict[str, Any]:
    """What a server was told at its first start."""
    text = base64.b64decode(server["user_data"]).decode()
    assert text.startswith("#cloud-config\n")
    found: dict[str, Any] = json.loads(text.partition("\n")[2])
    return found


@contextmanager
def cloud_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Such a site in `folder`; nothing is up."""
    programs, servers = folder / "bin", folder / "servers"
    for made in (programs, servers, folder / "site" / "environments"):
        made.mkdir(parents=True)
    (programs / "ssh").write_text(SSH)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("SERVERS", str(servers))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    clouds_yaml = folder / "clouds.yaml"
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds_yaml))
    monkeypatch.setattr("deploykit.nodes.ssh.greeting", lambda *_: True)
    (folder / "site" / "site.yml").write_text("name: cloudy\n", encoding="utf-8")
    (folder / "site" / "environments" / "tiny.yml").write_text(ENVIRONMENT, encoding="utf-8")
    use_image(folder, monkeypatch)
    use_quick_clouds(monkeypatch)
    first, second = Servers(servers), Servers(servers)
    with ExitStack() as stack:
        urls = {
            "first": stack.enter_context(serving(first)),
            "second": stack.enter_context(serving(second)),
        }
        write_clouds(clouds_yaml, urls)
        yield World(open_site(folder / "site"), first, second, clouds_yaml)


def use_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of a few bytes in the place of the node image."""
    file = folder / "disk.qcow2"
    file.write_bytes(b"disk" * 1000)
    image = DiskImage("key0", file, "qcow2", "0" * 64, 2 * 2**30)
    where = "deploykit.providers.openstack"
    monkeypatch.setattr(f"{where}.making.build_disk", lambda *_, **__: image)
    monkeypatch.setattr(f"{where}.build_disk", lambda *_, **__: image)
    monkeypatch.setattr(f"{where}.making.key_of", lambda *_, **__: "key0")


def use_quick_clouds(monkeypatch: pytest.MonkeyPatch, busy: float = 20.0) -> None:
    """Clouds are given up sooner, and waited for in shorter steps."""
    where = "deploykit.providers.openstack"
    monkeypatch.setattr(f"{where}.instance.PAUSE", 0.05)
    monkeypatch.setattr(f"{where}.instance.MAKE_SECONDS", 5.0)
    monkeypatch.setattr(f"{where}.instance.GONE_SECONDS", 60.0)
    monkeypatch.setattr(f"{where}.cloud.AGAIN", 0.02)
    monkeypatch.setattr(f"{where}.pace.PAUSE", 0.05)
    monkeypatch.setattr(f"{where}.pace.LONGEST_PAUSE", 0.2)
    monkeypatch.setattr(f"{where}.Cloud", lambda name: Cloud(name, busy_seconds=busy))


@contextmanager
def killed_after(calls: int) -> Iterator[None]:
    """This process is as if killed once it has made `calls` requests: no thread makes another."""
    once, left = Cloud._once, [calls]

    def counted(self: Cloud, *words: Any, **named: Any) -> Any:
        if left[0] <= 0:
            raise Killed
        left[0] -= 1
        return once(self, *words, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cloud, "_once", counted)
        yield
