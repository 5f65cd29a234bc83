"""docs/week.md: every command is run, one after the other, and prints what the page shows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from consoledoc import ENVIRONMENT, Ran, Shown, commands, run, wrong
from ledgerbook import make_key
from trainworld import Build, World, git
from worldcommand import CONFIG, write_command

LOOKING = "deploy-kit drift production --explain"  # before that, somebody was at the node
ROLES = """roles:
  master: {components: []}
  database: {components: []}
  identity: {components: [keystone], account: keystone, schema: zed}
"""
BEFORE = [
    "deploy-kit release cut --no-commit --version 2026.46.1",
    "deploy-kit train 2026.46.1",
    "sed -i 's/from: test,/from: test, approvals: {count: 1, not: [author, cut, ask]},/' "
    "deploy-kit/environments/production.yml",
    "deploy-kit policy apply --yes",
    "deploy-kit ledger trust jo@example.org jo.pub --roles approver --address jo@example.org",
    "deploy-kit ledger trust lee@example.org lee.pub --roles admin --address lee@example.org",
    "sed -i 's/3600/7200/' salt/states/keystone/files/keystone.conf",
    "git commit -qam 'keystone: tokens hold for two hours'",
]
DRIFT = {
    "files": ["/etc/keystone/keystone.conf", "/etc/cron.d/restart"],
    "folders": [],
    "failed": [],
    "logins": {"root from 192.0.2.7 with SHA256:jEzIRyp0cC5q": 1},
}


@pytest.fixture
def world(build: Build) -> World:
    """Both environments run 2026.46.1; Jo may approve, Lee is another admin."""
    world = build({"test": None, "production": "smoke: {}"})
    checkout = world.folder / "checkout"
    for name in ("test", "production"):
        world.with_database(name)
    config = checkout / "salt" / "states" / CONFIG
    config.parent.mkdir()
    config.write_text("[token]\nexpiration = 3600\n")
    written = {"roles.yml": ROLES, "outcome.json": "{}", "smoke/smoke.sh": "true"}
    for name, text in written.items():
        (checkout / "salt" / name).write_text(text)
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "content")
    for name in ("jo", "lee"):
        key = make_key(world.folder / "keys", f"{name}@example.org")
        key.file.rename(checkout / name)
        key.file.with_name(f"{key.file.name}.pub").rename(checkout / f"{name}.pub")
    return world


def run_week(page: Path, world: World) -> tuple[list[Shown], list[Ran]]:
    """The commands of the page and what became of them."""
    checkout = world.folder / "checkout"
    write_command(world.folder / "bin", world.folder)
    path = f"{world.folder / 'bin'}:{os.environ['PATH']}"
    env = {**ENVIRONMENT, "PATH": path, "TZ": "UTC", "USER": "kim"}
    prepared = run([Shown(0, command, [], 0) for command in BEFORE], checkout, env)
    assert [ran for ran in prepared if ran.code] == []
    shown = commands(page.read_text("utf-8"))
    (at,) = (n for n, one in enumerate(shown) if one.command.startswith(LOOKING))
    ran = run(shown[:at], checkout, env)
    node = world.node("production", "region")
    (node / "drifted").write_text("keystone_config_file")
    (node / "changes.json").write_text(json.dumps(DRIFT))
    ran += run(shown[at : at + 2], checkout, env)
    (node / "changes.json").unlink()
    return shown, ran + run(shown[at + 2 :], checkout, env)


@pytest.mark.lengthy
@pytest.mark.timeout(900)
def test_every_command_of_the_week_prints_what_it_shows(checkout: Path, world: World) -> None:
    shown, ran = run_week(checkout / "docs" / "week.md", world)
    assert len(ran) == len(shown) > 20
    assert [told for pair in zip(shown, ran, strict=True) if (told := wrong(*pair))] == []
    assert world.runs("production") == "2026.48.2"
