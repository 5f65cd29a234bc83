"""Older packages come back where a release is gone back to: Debian's apt and dpkg, in a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from aptnode import AptNode, has_apt, make_node
from vendor import Vendor, vending

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not has_apt(), reason="this machine has no apt for Python"),
]
WORDS = ("keystone=keystone", "nova=nova", "--", "chrony=chrony")
COMPONENTS = tuple(word for word in WORDS if word != "--")
BACK = ("back", "bookworm,bookworm-security")
OLD, NEW = ("1.0-1", "1.0-1+deb12u1")
PARTS = ("chrony", "keystone", "libshared", "nova", "nova-common", "tools")


def all_at(version: str) -> dict[str, str]:
    return dict.fromkeys(PARTS, version)


@dataclass
class Place:
    """A node that runs the newer packages, and the vendor that offers both sets in turn."""

    vendor: Vendor
    node: AptNode

    def offer(self, version: str) -> None:
        """All packages in this version, and no other: as a release's own set."""
        self.vendor.stanzas.clear()
        for tree in (self.vendor.root / "trees").glob("*"):
            shutil.rmtree(tree)
        shared, common = f"libshared (>= {version})", f"nova-common (= {version})"
        for name, needs in (
            ("chrony", ""),
            ("keystone", shared),
            ("libshared", ""),
            ("nova", f"{shared}, {common}"),
            ("nova-common", ""),
            ("tools", ""),
        ):
            self.vendor.add(name, version, needs=needs)  # fmt: skip
        self.vendor.publish()

    def plan(self, *words: str) -> None:
        self.node.tool("plan", *words)

    def share(self, component: str) -> list[str]:
        return [*(self.node.home / "plan" / component).read_text().split()]

    @property
    def level(self) -> str:
        return (self.node.home / "level").read_text().strip()


@pytest.fixture
def place(tmp_path: Path, checkout: Path) -> Iterator[Place]:
    with vending(tmp_path / "vendor") as vendor:
        tools = checkout / "salt/states/vendor/files"
        found = Place(vendor, make_node(tmp_path / "node", tools, vendor.sources()))
        found.offer(NEW)
        found.node.install("keystone", "nova", "chrony", "tools")
        found.node.home.mkdir()
        (found.node.home / "level").write_text("new\n")
        assert found.node.installed == all_at(NEW)
        yield found


def test_older_packages_come_back_component_by_component(place: Place) -> None:
    asked_for = place.node.call("apt-mark", "showmanual")
    place.offer(OLD)
    place.plan(*BACK, "old", *WORDS)
    assert place.node.installed == all_at(NEW)
    assert place.share("keystone") == [f"keystone={OLD}", f"libshared={OLD}"]
    assert place.share("nova") == [f"nova={OLD}", f"nova-common={OLD}"]
    assert place.share(".rest") == [f"tools={OLD}"]
    place.plan("bring", "keystone=keystone")
    installed = place.node.installed
    assert installed["keystone"] == installed["libshared"] == OLD
    assert installed["chrony"] == installed["tools"] == NEW
    noted = (place.node.home / "newest" / "keystone").stat().st_mtime_ns
    assert noted >= (place.node.root / "var/lib/dpkg/info/libshared.list").stat().st_mtime_ns
    place.plan("bring", "nova=nova")
    place.plan("rest", *COMPONENTS)
    assert place.node.installed == all_at(OLD)
    assert place.level == "old"
    assert sorted(file.name for file in place.node.home.iterdir()) == ["level", "newest"]
    assert place.node.call("apt-mark", "showmanual") == asked_for


def test_without_being_told_nothing_is_downgraded(place: Place) -> None:
    place.offer(OLD)
    place.plan("make", "old", *WORDS)
    assert [place.share(name) for name in ("keystone", "nova", "chrony", ".rest")] == [[]] * 4
    place.plan("rest", *COMPONENTS)
    assert place.node.installed == all_at(NEW) and place.level == "old"


def test_way_back_that_was_cut_off_is_no_level_and_the_next_deployment_goes_on(
    place: Place,
) -> None:
    """To the newer release: what had become older is brought up again, and no older one comes."""
    place.offer(OLD)
    place.plan(*BACK, "old", *WORDS)
    place.plan("bring", "keystone=keystone")
    assert place.level == "going back"
    place.offer(NEW)
    place.plan("make", "new", *WORDS)
    assert f"keystone={NEW}" in place.share("keystone")
    place.plan("rest", *COMPONENTS)
    assert place.node.installed == all_at(NEW) and place.level == "new"
    assert not (place.node.home / "older").exists()


def test_plan_that_is_dropped_allows_no_older_packages_any_more(place: Place) -> None:
    place.offer(OLD)
    place.plan(*BACK, "old", *WORDS)
    place.plan("drop", *COMPONENTS)
    assert not (place.node.home / "older").exists()
    place.node.tool("get", "upgrade", "keystone")
    assert place.node.installed == all_at(NEW)


def test_pin_of_a_person_holds_on_the_way_back(place: Place) -> None:
    """More than 1001 for the newer version, in the file that apt is not told of meanwhile."""
    pin = f"Package: tools\nPin: version {NEW}\nPin-Priority: 2000\n"
    (place.node.root / "etc/apt/preferences").write_text(pin)
    place.offer(OLD)
    place.plan(*BACK, "old", *WORDS)
    place.plan("rest", *COMPONENTS)
    assert place.node.installed == {**all_at(OLD), "tools": NEW}


def prepared(checkout: Path, *, reached: str, back: bool, new: bool = False) -> dict[str, str]:
    """What stage.prepare does on a cache's node that has reached that level: acts by their ids."""
    states = jinja2.Environment(
        loader=jinja2.FileSystemLoader(checkout / "salt/states"), extensions=["jinja2.ext.do"]
    )
    states.filters["json"] = json.dumps
    states.filters["load_json"] = json.loads
    states.filters["difference"] = lambda one, other: [each for each in one if each not in other]
    pillar: dict[str, Any] = {
        "vendor": {"suites": ["a", "b"], "updates": "now", "packages": ["python3-apt"]},
        "memcached": {"packages": ["memcached"]},
        "trust": {"encrypted": {}, "plain_taken": {}},
        "components": ["vendor", "memcached"],
        "environment": {"addresses": {"management": "10.0.0.1"}, "interfaces": {}, "nodes": {},
                        "roles": ["cache"]},
        "role_map": {"common": ["vendor"], "roles": [
            {"name": "cache", "stage": "foundation", "components": ["memcached"]}]},
        **({"older_packages": True} if back else {}),
    }  # fmt: skip
    own = {} if new else {"memcached": "1"}
    text = states.get_template("stage/prepare.sls").render(
        pillar=pillar,
        salt={
            "file.file_exists": lambda path: path == "/var/lib/vendor/level" and bool(reached),
            "file.directory_exists": lambda path: False,
            "file.read": lambda path: reached,
            "pkg.list_pkgs": lambda: {"python3-apt": "1", **own},
        },
    )
    found = {}
    for name, state in yaml.safe_load(text).items():
        for one in state.get("command.ensured", ()) if isinstance(state, dict) else ():
            if "act" in one:
                found[name] = one["act"]
    return found


@pytest.mark.parametrize("reached", ["a b now", "a b later", "going back"])
def test_way_back_is_planned_whatever_level_was_reached(checkout: Path, reached: str) -> None:
    acts = prepared(checkout, reached=reached, back=True)
    assert acts["stage_prepare_fetched"] == (
        "/usr/local/sbin/vendor-plan back a,b 'a b now' memcached=memcached"
    )
    assert "stage_prepare_noted" not in acts


def test_other_deployments_plan_what_is_newer_and_only_at_another_level(checkout: Path) -> None:
    acts = prepared(checkout, reached="going back", back=False)
    assert acts["stage_prepare_fetched"].startswith("/usr/local/sbin/vendor-plan make 'a b now' ")
    assert "stage_prepare_fetched" not in prepared(checkout, reached="a b now", back=False)


def test_level_is_noted_at_the_end_of_the_way_back_also_where_a_component_comes_anew(
    checkout: Path,
) -> None:
    acts = prepared(checkout, reached="a b now", back=True, new=True)
    assert acts["stage_prepare_installed"] == "/usr/local/sbin/vendor-get install memcached"
    assert "stage_prepare_noted" not in acts
    assert "stage_prepare_noted" in prepared(checkout, reached="a b now", back=False, new=True)


def test_new_node_gets_what_there_is_and_is_noted_at_once(checkout: Path) -> None:
    acts = prepared(checkout, reached="", back=True)
    assert "stage_prepare_upgraded" in acts and "stage_prepare_noted" in acts
