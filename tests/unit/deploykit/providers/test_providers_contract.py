"""The contract, held by every provider that is installed, as far as that takes no nodes.

What takes nodes is `providercontract.check_up`: here on nodes that are folders, in
tests/integration on LXD's and on machines that are there.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from deploykit.base.errors import DeployKitError, InputError, Refused
from deploykit.base.progress import Silent
from deploykit.cli import cli
from deploykit.providers import (
    GROUP,
    Copies,
    Examines,
    Images,
    ImageStore,
    NodeState,
    OnHost,
    Orphans,
    Protects,
    Provider,
    SingleNodes,
    Snapshots,
    contract,
    hosts_of,
    names_in_use,
    on_host,
    provider_named,
    providers,
)
from deploykit.site import Site, open_site
from deploykit.site.environment import Environment
from deploykit.site.instance import Instance
from emptylxd import EmptyLxd
from fakecloud import FakeCloud, serving, write_clouds
from fakeprovider import FakeProvider
from providercontract import check_up
from staticworld import build_world as build_static
from staticworld import host_key
from trainworld import build_world as build_train

HOST_CAPABILITIES = (Orphans, ImageStore)
CAPABILITIES = (Snapshots, SingleNodes, Protects, Copies, Images, Examines)
FILE = """\
name: probe
provider: {provider}
networks: {{management: {{cidr: 10.77.0.0/24{network}}}}}
nodes:
  salt: {{roles: [master], at: 10}}
  web: {{roles: [load-balancer], at: 11}}
{more}"""
MACHINES = f"""\
machines:
  salt: {{host_key: {host_key("salt")}}}
  web: {{host_key: {host_key("web")}}}
"""
PROBE = Instance("probe")


@dataclass(frozen=True)
class Case:
    """What the contract's tests need of a provider: what its files say more, what one must not.

    `down` is whether taking down what is not up can be tried without nodes.
    """

    more: str = ""
    bad_network: str = ""
    down: bool = True


CASES = {
    "lxd": Case(bad_network=", interface: eth0"),
    "vagrant": Case(bad_network=", interface: eth0", down=False),
    "static": Case(more=MACHINES),
    "openstack": Case(more="openstack: {clouds: [here]}\n", bad_network=", interface: eth0"),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site with an environment for each provider; nothing is up, and nothing is installed."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("deploykit.providers.lxd.Lxd", EmptyLxd)
    monkeypatch.setattr("deploykit.providers.vagrant.guest.as_root", list)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lxc-info").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "lxc-info").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    (tmp_path / "site" / "environments").mkdir(parents=True)
    (tmp_path / "site" / "site.yml").write_text("name: contract\n", encoding="utf-8")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    with serving(FakeCloud()) as address:
        write_clouds(tmp_path / "clouds.yaml", {"here": address})
        yield open_site(tmp_path / "site")


def environment_of(
    site: Site, name: str, network: str = "", more: str | None = None
) -> Environment:
    text = FILE.format(
        provider=name, network=network, more=CASES[name].more if more is None else more
    )
    (site.folder / "environments" / "probe.yml").write_text(text, encoding="utf-8")
    return site.environment("probe")


def methods(protocol: type) -> dict[str, Callable[..., Any]]:
    """What a protocol of the contract asks for beside those that it stands on."""
    return {
        name: member
        for name, member in vars(protocol).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


def test_every_provider_that_is_installed_is_held_to_the_contract() -> None:
    assert set(CASES) == set(providers()), f"an entry point of {GROUP} without a case here"


@pytest.mark.parametrize("name", CASES)
def test_provider_has_all_that_the_contract_asks_for_with_its_signatures(name: str) -> None:
    demand_signatures(providers()[name].load(), Provider)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_capability_is_there_whole_or_not_at_all(name: str, capability: type) -> None:
    kind = providers()[name].load()
    begun = [method for method in methods(capability) if hasattr(kind, method)]
    if begun:
        demand_signatures(kind, capability)
        assert issubclass(kind, capability), f"{name} has {begun}, and not all of {capability}"


@pytest.mark.parametrize("name", CASES)
def test_what_a_provider_has_on_this_machine_is_whole_and_one_for_all_sites(name: str) -> None:
    host = on_host(name)
    if host is None:
        return
    assert host is on_host(name)
    demand_signatures(type(host), OnHost)
    assert isinstance(host.folder, Path)
    for capability in HOST_CAPABILITIES:
        if any(hasattr(host, method) for method in methods(capability)):
            demand_signatures(type(host), capability)


def demand_signatures(kind: type, protocol: type) -> None:
    for name, asked in methods(protocol).items():
        has = getattr(kind, name, None)
        assert has is not None, f"{kind.__name__} has no {name}"
        theirs, ours = inspect.signature(has), inspect.signature(asked)
        assert [(p.name, p.kind) for p in theirs.parameters.values()] == [
            (p.name, p.kind) for p in ours.parameters.values()
        ], f"{kind.__name__}.{name}"


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_known_of_what_was_never_up(site: Site, name: str) -> None:
    environment = environment_of(site, name)
    provider = provider_named(site, name)
    assert provider.instances() == []
    assert provider.tags(PROBE) == {}
    status = provider.status(environment, PROBE)
    assert [(one.name, one.roles, one.state) for one in status] == [
        (node.name, node.roles, NodeState.MISSING) for node in environment.nodes
    ]
    assert provider.instances() == []


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_up_has_no_inventory_and_takes_no_tags(site: Site, name: str) -> None:
    environment = environment_of(site, name)
    provider = provider_named(site, name)
    asks: list[Callable[[], object]] = [
        lambda: provider.inventory(environment, PROBE),
        lambda: provider.tag(PROBE, {"release": "x"}),
    ]
    for ask in asks:
        with pytest.raises(DeployKitError, match="probe") as caught:
            ask()
        assert "deploy-kit env up probe" in caught.value.remedy
    assert provider.instances() == []


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.down])
def test_taking_down_what_is_not_up_does_nothing_or_is_refused(site: Site, name: str) -> None:
    provider = provider_named(site, name)
    environment_of(site, name)
    try:
        provider.down(PROBE, Silent())
        provider.down(PROBE, Silent())
    except Refused as refused:
        assert "probe" in refused.message and refused.remedy
    assert provider.instances() == []


@pytest.mark.parametrize("name", CASES)
def test_file_that_does_not_do_is_told_with_its_line_before_anything_is_asked(
    site: Site, name: str
) -> None:
    provider = provider_named(site, name)
    if not isinstance(provider, Examines):
        return
    provider.examine(environment_of(site, name))
    bad = environment_of(site, name, CASES[name].bad_network, more="")
    with pytest.raises(InputError, match=re.escape(str(bad.file)) + r":\d+: "):
        provider.examine(bad)


def test_contract_on_nodes_that_are_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build_train(tmp_path / "world", monkeypatch, {"alpha": None})
    world.provider.down(Instance("alpha"), Silent())
    demand_signatures(FakeProvider, Provider)
    check_up(world.provider, world.site.environment("alpha"))


def test_contract_on_machines_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = build_static(tmp_path, monkeypatch)
    check_up(world.provider, world.environment)


def test_site_of_machines_alone_asks_nothing_of_this_one(site: Site) -> None:
    assert names_in_use(None) == ["lxd"]
    environment_of(site, "static")
    assert names_in_use(site) == ["static"]
    assert hosts_of(names_in_use(site)) == []
    environment_of(site, "lxd")
    assert hosts_of(["lxd", "vagrant", "static"]) == hosts_of(names_in_use(site))


def test_image_is_built_for_those_that_take_one_and_the_others_are_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[bool] = []

    def build(self: Provider, progress: object, *, installed: bool) -> str:
        built.append(installed)
        return "a base"

    monkeypatch.setattr("deploykit.providers.lxd.LxdProvider.build_image", build)
    words = ["--site", str(site.folder), "image", "build"]
    for name in ("static", "lxd"):
        environment_of(site, name)
        after = FILE.replace("name: probe", "name: after") + "promotion: {{from: probe}}\n"
        text = after.format(provider=name, network="", more="")
        (site.folder / "environments" / "after.yml").write_text(text, encoding="utf-8")
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
        told = "nodes of static are made of no image" if name == "static" else "nodes of lxd are"
        assert told in done.output
        assert built == ([] if name == "static" else [False])


def test_page_for_the_next_provider_names_all_that_the_contract_has(checkout: Path) -> None:
    page = (checkout / "docs" / "providers.md").read_text(encoding="utf-8")
    asked = [Provider, OnHost, *CAPABILITIES, *HOST_CAPABILITIES]
    assert {one.__name__ for one in asked} >= {
        name for name, kind in vars(contract).items() if getattr(kind, "_is_protocol", False)
    } - {"Protocol", "Progress"}
    for protocol in asked:
        assert f"`{protocol.__name__}`" in page
        for method in methods(protocol):
            assert f"`{method}`" in page, f"{protocol.__name__}.{method}"
