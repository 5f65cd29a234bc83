"""What keeps an environment's nodes from starting on a machine, told before any starts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import yaml
from deploykit.base.errors import Refused
from deploykit.host import fit
from deploykit.host.fit import (
    FEATURES,
    VOLUME_FEATURES,
    Machine,
    missing_features,
    needed_memory,
    obstacles,
    volume_obstacles,
)
from deploykit.site import open_site
from deploykit.site.environment import Node, parse_environment

MIB, GIB = 2**20, 2**30
SALT = Node("salt", ("master",), 10)
COMPUTE = Node("compute1", ("hypervisor",), 31)
STORAGE = Node("storage", ("volume",), 12)
GOOD = Machine(memory=8 * GIB, disk=50 * GIB, missing=(), tun=True)


def test_machine_with_all_it_takes_has_no_obstacle() -> None:
    assert obstacles([SALT, COMPUTE], {"master": 500 * MIB}, GOOD) == []


def test_memory_is_the_sum_of_bare_nodes_and_their_roles() -> None:
    roles = {"master": 500 * MIB, "hypervisor": GIB}
    assert needed_memory(SALT, roles) == 600 * MIB
    assert needed_memory(Node("n", ("hypervisor",), 2, memory="256M"), roles) == 256 * MIB
    small = Machine(memory=GIB, disk=50 * GIB, missing=(), tun=True)
    (told,) = obstacles([SALT, COMPUTE], roles, small)
    assert told.startswith("memory: 2 nodes take 1.7 GiB, 1.0 GiB are free")


def test_every_obstacle_is_told_with_its_remedy() -> None:
    bad = Machine(memory=0, disk=0, missing=("vxlan", "bridge"), tun=False)
    memory, disk, kernel, tun = obstacles([SALT, COMPUTE], {}, bad)
    assert "env down" in memory
    assert "image prune" in disk
    assert "compute1 need vxlan, bridge: modprobe vxlan bridge" in kernel
    assert "mknod -m 0666 /dev/net/tun c 10 200" in tun


def test_kernel_matters_only_where_a_node_is_privileged() -> None:
    bare = Machine(memory=8 * GIB, disk=50 * GIB, missing=tuple(FEATURES), tun=False)
    assert obstacles([SALT], {}, bare) == []


def test_feature_is_there_built_in_or_as_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    symbols = tmp_path / "kallsyms"
    symbols.write_text("0 t br_handle_frame\n0 T tun_chr_open\t[tun]\n")
    monkeypatch.setattr(fit, "_modprobe", lambda _, words: words[-1] == "vxlan")
    assert missing_features(symbols=symbols) == ("br_netfilter", "nf_tables", "ip_set")


def test_node_for_volumes_is_refused_as_a_container_with_the_modules_that_lack() -> None:
    bare = Machine(8 * GIB, 50 * GIB, (), tun=True, no_volumes=("dm_mod", "iscsi_tcp"))
    (told,) = volume_obstacles([SALT, STORAGE, COMPUTE], bare)
    assert told.startswith("volumes: storage and the hypervisors need a kernel of their own")
    assert "(this one has no dm_mod, iscsi_tcp)" in told
    assert "VAGRANT_DEFAULT_PROVIDER=libvirt" in told


def test_kernel_with_every_module_is_still_no_containers_own() -> None:
    (told,) = volume_obstacles([STORAGE], GOOD)
    assert "this one" not in told and "would be containers" in told


def test_volumes_matter_only_where_a_node_is_to_keep_some() -> None:
    bare = Machine(8 * GIB, 50 * GIB, (), tun=True, no_volumes=tuple(VOLUME_FEATURES))
    assert volume_obstacles([SALT, COMPUTE, Node("api", ("volume-api",), 13)], bare) == []


def test_modules_of_volumes_are_those_that_the_content_asks_its_nodes_for(checkout: Path) -> None:
    pillar = checkout / "salt" / "pillar"
    storage = yaml.safe_load((pillar / "cinder_volume.sls").read_text())["cinder_volume"]
    compute = yaml.safe_load((pillar / "nova_compute.sls").read_text())["nova_compute"]
    assert storage["kernel"] | compute["kernel"] == VOLUME_FEATURES


@pytest.mark.parametrize("volumes", [True, False])
def test_refusal_for_want_of_volumes_can_be_left_to_a_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, volumes: bool
) -> None:
    (tmp_path / "site.yml").write_text("name: fit\n")
    monkeypatch.setattr(fit, "machine", lambda _: GOOD)
    file = tmp_path / "dev.yml"
    file.write_text(
        "name: dev\nnetworks: {management: {cidr: 10.1.0.0/24}}\n"
        "nodes: {salt: {roles: [master, volume], at: 10}}\n"
    )
    environment = parse_environment(file)
    demanded = partial(fit.demand_fit, open_site(tmp_path), environment, environment.nodes, 0)
    if volumes:
        with pytest.raises(Refused, match="nothing was started") as caught:
            demanded()
        assert caught.value.remedy.startswith("volumes: salt")
    else:
        demanded(volumes=False)


def test_refusal_names_the_environment_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site.yml").write_text("name: fit\n")
    file = tmp_path / "dev.yml"
    file.write_text(
        "name: dev\nnetworks: {management: {cidr: 10.1.0.0/24}}\n"
        "nodes: {salt: {roles: [master], at: 10}}\n"
    )
    environment = parse_environment(file)
    with pytest.raises(Refused, match="cannot carry dev; nothing was started") as caught:
        fit.demand_fit(open_site(tmp_path), environment, environment.nodes, disk=0)
    assert caught.value.remedy.startswith("disk: 1 nodes take 1 GiB")
