"""A whole release train on this machine, without nodes: the one place where tests build it.

Real: kits, signatures, the ledger, policy, the agent and its session, the smoke test's outcome.
Fake: the provider (fakeprovider.py), Salt (fakesalt.py), Ansible's run (`run_ansible`), the SSH
greeting and client, and pytest as what runs the smoke test (the kit's own smoke.sh here).
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deploykit.base.process import Result
from deploykit.base.progress import Silent
from deploykit.ledger import Ledger
from deploykit.ledger.view import evidence, in_flight, running, versions_of
from deploykit.master.session import agent_zip
from deploykit.nodes.confined import INSTANCE
from deploykit.nodes.inventory import HOSTS_FILE, Inventory
from deploykit.release import Release
from deploykit.release.cutting import cut
from deploykit.rollout import day0
from deploykit.rollout.work import Work, working
from deploykit.site import Site, open_site
from deploykit.site.environment import chain
from deploykit.site.instance import Instance
from deploykit.train.deploy import deploy
from deploykit.train.line import run_train
from deploykit.train.rollback import rollback
from fakeprovider import FakeProvider, greets

SUPPORT = Path(__file__).resolve().parent
MANIFEST = SUPPORT.parents[1] / "deploy-kit" / "gitshelf.yml"
ENVIRONMENT = """name: {name}
provider: fake
networks: {{management: {{cidr: 10.71.{n}.0/24}}}}
nodes:
  salt: {{roles: [master], at: 10}}
  region: {{roles: [identity], at: 11}}
"""
PROMOTION = "promotion: {{from: {source}, checks: {{{checks}}}}}\n"
ROLES = (
    "roles: {master: {components: []}, database: {components: []}, "
    "identity: {components: [keystone]}, "
    "hypervisor: {components: [nova], may_be_missing: true}}\n"
)
GIT = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ann"), ("EMAIL", "ann@here"))
}
PASSES = "echo '1 passed'\n"
FAILS = "echo 'FAILED test_region.py::test_token - it is down'; exit 1\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its status as of `os.waitstatus_to_exitcode`, and what it raised."""

    status: int
    error: str | None


@dataclass(frozen=True, slots=True)
class World:
    """One site with its checkout, state and nodes in `folder`."""

    folder: Path

    @property
    def site(self) -> Site:
        return open_site(self.folder / "checkout" / "deploy-kit")

    @property
    def provider(self) -> FakeProvider:
        return FakeProvider(self.site)

    @contextmanager
    def work(self) -> Iterator[Work]:
        """What one call of deploy-kit works with."""
        site = self.site
        # A log folder has time and process in its name; here calls share both.
        command = f"test-{secrets.token_hex(4)}"
        with working(site, Silent(), command) as work:
            yield work

    @property
    def ledger(self) -> Ledger:
        return Ledger.open(self.site)

    @property
    def records(self) -> tuple[Any, ...]:
        return self.ledger.fetch_records()

    def release(self, **content: Any) -> Release:
        """Cut a release with other content than the last: `smoke` is a script, `failed` a state.

        `schemas` maps components to their database schema, `takes` says what going back over a
        change of them takes.
        """
        salt = self.folder / "checkout" / "salt"
        count = sum(1 for _ in self.site.pins.glob("*.yml"))
        schemas, takes = content.get("schemas", {}), content.get("takes", {})
        said = f"schemas: {json.dumps(schemas)}\nrollback: {json.dumps(takes)}\n"
        (salt / "roles.yml").write_text(ROLES + said)
        (salt / "smoke" / "smoke.sh").write_text(content.get("smoke", PASSES))
        (salt / "outcome.json").write_text(json.dumps({"failed": content.get("failed")}))
        (salt / "states" / "keystone" / "init.sls").write_text(f"number: {count}\n")
        git(self.folder / "checkout", "commit", "-qam", f"content {count}")
        return self.cut()

    def cut(self) -> Release:
        """Cut a release of the checkout as it is committed."""
        return cut(self.site, self.ledger, commit=False).release

    def train(self, release: Release, last: str | None = None) -> None:
        """Carry `release` along the line, to its end or to `last`."""
        with self.work() as work:
            run_train(work, self.ledger, release, chain(work.site.environments(), last))

    def deploy(
        self, release: Release, name: str, purpose: str = "deploy", *, new_secrets: bool = False
    ) -> None:
        with self.work() as work:
            environment = work.site.environment(name)
            deploy(work, self.ledger, release, environment, purpose, new_secrets=new_secrets)

    def rollback(self, name: str, to: Release | None = None, *, restore: bool = False) -> Release:
        with self.work() as work:
            environment = work.site.environment(name)
            return rollback(work, self.ledger, environment, to, restore=restore)

    def up(self, name: str) -> Inventory:
        environment = self.site.environment(name)
        return self.provider.up(environment, environment.instance, {}, Silent())

    def with_database(self, name: str) -> None:
        """Have the node `region` of an environment be its database, too."""
        file = self.site.folder / "environments" / f"{name}.yml"
        text = file.read_text()
        file.write_text(text.replace("roles: [identity]", "roles: [identity, database]"))

    def write(self, name: str, text: str) -> None:
        """Write to the database of an environment, after what is there."""
        with (self.node(name, "region") / "data").open("a") as data:
            data.write(text)

    def data(self, name: str) -> str:
        """What the database of an environment holds."""
        return (self.node(name, "region") / "data").read_text()

    def backups(self, name: str) -> list[dict[str, Any]]:
        """The backups that its database has, each with what it `held`."""
        file = self.node(name, "region") / "backups.json"
        found: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
        return found

    def node(self, environment: str, name: str) -> Path:
        return self.provider.node(Instance(environment), name)

    def current(self, environment: str) -> str | None:
        """The digest that the environment's master has current."""
        link = self.node(environment, "salt") / "srv" / "kits" / "current"
        return f"sha256:{link.readlink().name}" if link.is_symlink() else None

    def runs(self, environment: str) -> str | None:
        """The version that the ledger says the environment runs."""
        release = running(self.records, environment)
        return release.version if release else None

    def phases(self, environment: str) -> list[tuple[str, str]]:
        """Version and phase of every deploy record of the environment."""
        records = self.records
        versions = versions_of(records)
        return [
            (versions[record.body["release"]], record.body["phase"])
            for record in records
            if record.kind == "deploy" and record.body["environment"] == environment
        ]

    def found(self) -> set[tuple[str, str, str, str | None, str, bool]]:
        """Every evidence: check, environment, version, digest it went over, result, on a copy."""
        return {
            (entry.check, entry.environment, entry.version, entry.over, entry.result, entry.copy)
            for entry in evidence(self.records)
        }

    def standing(self) -> dict[str, Any]:
        """All that the next call would go by, but for evidence: to be compared as a whole."""
        nodes = [str(instance) for instance in self.provider.instances()]
        records = self.records
        files = sorted(
            str(path.relative_to(self.folder))
            for root in ("nodes", "kits", "instances", "unpacked")
            for path in (self.site.state / root).rglob("*")
        )
        return {
            "nodes": nodes,
            "current": {name: self.current(name) for name in nodes},
            "applied": {name: applied(self.node(name, "region")) for name in nodes},
            "tags": {
                str(instance): self.provider.tags(instance)
                for instance in self.provider.instances()
            },
            "running": {name: self.runs(name) for name in self.site.environments()},
            "leases": [in_flight(records, name) for name in self.site.environments()],
            "files": files,
        }

    def apart(self, work: Callable[[], Any]) -> Ended:
        """Do `work` in a process of its own, as every call of deploy-kit is one."""
        error_file = self.folder / "raised"
        error_file.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work()
                status = 0
            except BaseException as error:
                error_file.write_bytes(pickle.dumps(f"{type(error).__name__}: {error}"))
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        error = pickle.loads(error_file.read_bytes()) if error_file.exists() else None
        error_file.unlink(missing_ok=True)
        return Ended(status, error)

    def save(self, folder: Path) -> None:
        """Keep the world as it is now, in `folder`."""
        shutil.copytree(self.folder, folder, symlinks=True)

    def bring_back(self, folder: Path) -> None:
        """Make the world what `save` kept."""
        shutil.rmtree(self.folder)
        shutil.copytree(folder, self.folder, symlinks=True)


Line = Mapping[str, str | None]  # see build_world
Build = Callable[[Line], World]


def build_world(folder: Path, monkeypatch: pytest.MonkeyPatch, line: Line) -> World:
    """A world with no release yet and every node of `line` running.

    `line` maps each environment, in the order of the train, to the checks that its entry asks for
    (as YAML, such as "smoke: {}"); None for one that anything may enter.
    """
    checkout = folder / "checkout"
    site = checkout / "deploy-kit"
    for made in ("ansible/playbooks", "salt/smoke", "salt/states/keystone"):
        (checkout / made).mkdir(parents=True)
    (checkout / "ansible/playbooks/day0.yml").write_text("[]\n")
    for made in ("roles.yml", "outcome.json", "smoke/smoke.sh", "states/keystone/init.sls"):
        (checkout / "salt" / made).write_text("")
    (site / "environments").mkdir(parents=True)
    (site / "site.yml").write_text("name: world\n")
    shutil.copy(MANIFEST, site)
    before = None
    for n, (name, checks) in enumerate(line.items()):
        text = ENVIRONMENT.format(name=name, n=n)
        text += PROMOTION.format(source=before, checks=checks) if checks is not None else ""
        (site / "environments" / f"{name}.yml").write_text(text)
        before = name
    fake_surroundings(folder, monkeypatch)
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "content")
    world = World(folder)
    for name in line:
        world.up(name)
    agent_zip()  # made once, not in every process that a test starts
    return world


def fake_surroundings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put everything that would need nodes out of the way, until the test is over."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("PATH", f"{SUPPORT / 'nodebin'}:{os.environ['PATH']}")
    monkeypatch.setenv("NODE_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("DEPLOY_KIT_KEY", raising=False)
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    entry = SimpleNamespace(load=lambda: FakeProvider)
    monkeypatch.setattr("deploykit.providers.providers", lambda: {"fake": entry})
    monkeypatch.setattr("deploykit.nodes.ssh.greeting", greets)
    monkeypatch.setitem(day0.__kwdefaults__, "runner", run_ansible)
    # How many records a deployment writes shall not depend on how busy the machine is.
    monkeypatch.setattr("deploykit.train.lease_keeper.JUST_NOW", 1 / 3)
    monkeypatch.setattr("deploykit.checks.smoke.command", smoke_command)


def run_ansible(argv: Sequence[str | Path], **more: Any) -> Result:
    """In the place of ansible-playbook: every node gets the configuration that Salt asks for."""
    if more["still"] is not None:
        more["still"]()
    shown = Path(argv[list(argv).index(str(INSTANCE)) - 1])
    for host in json.loads((shown / HOSTS_FILE).read_text()):
        config = Path(host["ssh_address"], "etc", "salt", "master")
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text("interface: any\n")
    return Result(tuple(map(str, argv)), 0, "", "", 0.0)


def smoke_command(tests: Path, instance: Path, virtual: object) -> tuple[list[str], dict[str, str]]:
    """In the place of pytest: the kit's own smoke.sh."""
    return ["sh", str(tests / "smoke.sh")], {}


def applied(node: Path) -> str | None:
    """The digest whose states a node had last."""
    with contextlib.suppress(FileNotFoundError):
        return f"sha256:{(node / 'applied').read_text()}"
    return None


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, timeout=20)
