"""Day 0 is told of the Salt that a release brings, and no session outlives the one of before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deploykit import rollout
from deploykit.base.progress import Silent
from deploykit.nodes.inventory import Inventory
from scriptedssh import inventory_of

ENVIRONMENT = """name: test
networks: {management: {cidr: 10.20.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return inventory_of(ENVIRONMENT, tmp_path)


def test_day_0_is_told_of_salt_and_the_session_of_before_ends(
    tmp_path: Path, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, did = tmp_path / "content", list[str]()
    (content / "ansible" / "playbooks").mkdir(parents=True)
    (content / "ansible" / "playbooks" / "day0.yml").write_text("[]\n")

    def send_salt(work: Any, folder: Path, inventory: Inventory) -> dict[str, object]:
        did.append(f"salt of {folder.name}")
        return {"salt_wheels": {"folder": "salt-1"}}

    def day0(*_: Any, more: Mapping[str, object], **__: Any) -> None:
        did.append(f"day 0 with {sorted(more)}")

    monkeypatch.setattr(rollout, "send_packages", lambda *_: {})
    monkeypatch.setattr(rollout, "send_salt", send_salt)
    monkeypatch.setattr(rollout, "day0", day0)
    masters = SimpleNamespace(close=lambda instance: did.append(f"session of {instance} closed"))
    work: Any = SimpleNamespace(
        site=None, progress=Silent(), log=lambda name: tmp_path / name, masters=masters
    )
    release: Any = SimpleNamespace(
        unpacked=lambda site: content,
        readable=lambda site: (content,),
        manifest=tmp_path / "pins.yml",
        version="1",
    )
    assert rollout.prepare_nodes(work, release, inventory)
    assert did == [
        "salt of content", "day 0 with ['salt_wheels']", "session of test closed"
    ]  # fmt: skip
    assert not rollout.prepare_nodes(work, release, inventory)
    (content / "ansible" / "salt.txt").write_text("another Salt")
    assert rollout.prepare_nodes(work, release, inventory)
