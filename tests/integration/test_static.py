"""The provider `static`: machines that nobody here made, refused, taken in, deployed to.

The tests share the machines and go on where the one before ended, in the order of this file.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploykit.mirror.wheelstore import lock_in
from deploykit.providers.static import StaticProvider
from deploykit.site import open_site
from machinesthere import ADDRESSES, Machines, railway_there
from providercontract import check_up
from railway import Railway, build
from staticworld import host_key

pytestmark = [pytest.mark.train, pytest.mark.timeout(1800)]
GUIDE = "docs/static.md"


@dataclass(frozen=True)
class There:
    """Two machines, and a checkout whose one environment, `cloud`, is made of them."""

    machines: Machines
    railway: Railway

    @property
    def file(self) -> Path:
        return self.railway.folder / "deploy-kit" / "environments" / "cloud.yml"

    def refused(self, *told: str) -> None:
        """`env up` refuses the machines, and says `told`."""
        said = " ".join(self.railway("env", "up", "cloud", status=1).stderr.split())
        for words in told:
            assert words in said, said


@pytest.fixture(scope="module")
def there(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    """The guide's environment, with addresses and host keys of machines that are there."""
    folder = tmp_path_factory.mktemp("static")
    with railway_there(folder, checkout, guides_file(checkout)) as (machines, railway):
        yield There(machines, railway)


def guides_file(checkout: Path) -> str:
    """The environment's file that the guide shows."""
    text = (checkout / GUIDE).read_text(encoding="utf-8")
    return text.split("```yaml\n")[1].split("```")[0]


def test_machines_that_are_not_fit_are_refused_and_stay_as_they_are(there: There) -> None:
    machines, text = there.machines, there.file.read_text()
    no_root = "/etc/ssh/sshd_config.d/00-no.conf"
    machines.on("region", f"echo PermitRootLogin no > {no_root}")
    machines.on("region", "ip addr del 10.97.0.11/24 dev ens4")
    there.refused(
        "region: ssh: PermitRootLogin is 'no'",
        "region: management: no interface has 10.97.0.11/24",
    )
    machines.on("region", f"rm {no_root}")
    machines.on("region", "ip addr add 10.97.0.11/24 dev ens4")
    there.file.write_text(text.replace(machines.host_key("region"), machines.host_key("salt")))
    assert "already the host key of salt" in there.railway("env", "up", "cloud", status=2).stderr
    there.file.write_text(text.replace(machines.host_key("region"), host_key("another")))
    there.refused("cloud.yml", "region: it shows another SSH host key", "SHA256:")
    there.file.write_text(text)
    assert machines.on("salt", "cat /root/.ssh/authorized_keys 2>/dev/null || true").strip() == ""


def test_contract_is_held_on_machines_that_are_there(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(there.railway.state))
    site = open_site(there.railway.folder / "deploy-kit")
    check_up(StaticProvider(site), site.environment("cloud"))


def test_every_command_of_the_guide_works_as_shown(there: There, checkout: Path) -> None:
    guide = (checkout / GUIDE).read_text(encoding="utf-8")
    shown = [line.removeprefix("$ ") for line in guide.splitlines() if line.startswith("$ ")]
    assert len(shown) == 6
    for line in shown:
        there.railway(*shlex.split(line)[1:])
    asked = "systemctl is-active keystone"
    assert there.railway.on_node("cloud", "region", asked).strip() == "active"


def test_bare_machines_have_the_salt_of_the_release_without_compiler_or_index(
    there: There, checkout: Path
) -> None:
    lock = lock_in(checkout)
    assert lock is not None
    for name in ADDRESSES:
        asked = "readlink /opt/salt; /opt/salt/bin/salt-call --version; command -v gcc pip || true"
        said = there.machines.on(name, asked).splitlines()
        assert said[0] == lock.folder and said[1].startswith(f"salt-call {lock.version} ")
        assert len(said) == 2, "a compiler, or pip"
        assert "apt" in there.machines.on(name, "/opt/salt/bin/python3 -c 'import apt; print(apt)'")
    logs = sorted(there.railway.state.rglob("cloud-day0.log"))
    assert "pypi" not in logs[0].read_text().lower()


def test_other_site_does_not_get_machines_that_are_taken(
    there: There, checkout: Path, tmp_path: Path
) -> None:
    other = build(checkout, tmp_path / "checkout", {"cloud": there.file.read_text()})
    said = " ".join(other("env", "up", "cloud", status=1).stderr.split())
    assert "region: owner: root lets in the key 'deploy-kit railway-" in said


def test_machines_are_not_destroyed_and_go_on(there: There) -> None:
    said = there.railway("env", "down", "cloud", "--yes-i-mean", "cloud", status=1).stderr
    assert "destroys nothing" in said
    there.railway("env", "rebuild", "cloud", "--yes-i-mean", "cloud", status=1)
    there.railway("env", "reboot", "cloud", "region", "--yes-i-mean", "cloud")
    (row,) = there.railway.json("env", "list")
    assert (row["instance"], row["running"], row["nodes"]) == ("cloud", 2, 2)
