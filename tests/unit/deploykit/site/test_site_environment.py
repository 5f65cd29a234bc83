"""Environment files: what is right is read, what is wrong is told with file, line and remedy."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.site.deploying import Batch
from deploykit.site.description import environment_digest
from deploykit.site.environment import chain, load_environments, parse_environment
from deploykit.site.instance import Instance
from deploykit.site.promotion import CheckRule

GOOD = """\
name: staging
provider: lxd
protected: true
networks:
  management: {cidr: 10.20.0.0/24}
  tunnel: {cidr: 10.20.1.0/24}
nodes:
  salt: {roles: [master], at: 10}
  controller: {roles: [database, load-balancer], at: 11, memory: 2G}
  compute: {roles: [hypervisor], count: 2, at: 31}
promotion:
  from: test
  checks: {smoke: {}, upgrade: {attempts: 3, passes: 2}}
  soak: 2h
  approvals: 1
operators:
  alice:
    keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEiFaKeFaKeFaKeFaKeFaKeFaKeFaKeFaKeFa alice@home]
    sudo: true
"""


def write(folder: Path, text: str, name: str = "staging") -> Path:
    file = folder / f"{name}.yml"
    file.write_text(text, encoding="utf-8")
    return file


def refused(
    folder: Path, good: str, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    """`good` with `new` for `old` is refused, with the file, the line and what to do."""
    assert old in good
    file = write(folder, good.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        parse_environment(file)
    assert caught.value.message.startswith(f"{file}:{line}: ")
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.exit_code == 2


def test_whole_file_becomes_nodes_with_fixed_addresses(tmp_path: Path) -> None:
    env = parse_environment(write(tmp_path, GOOD))
    assert [node.name for node in env.nodes] == ["salt", "controller", "compute1", "compute2"]
    assert env.addresses(env.nodes[3]) == {"management": "10.20.0.32", "tunnel": "10.20.1.32"}
    assert [net.interface for net in env.networks] == ["eth1", "eth2"]
    assert env.master.name == "salt"
    assert [node.privileged for node in env.nodes] == [False, False, True, True]
    assert env.promotion.checks == {"smoke": CheckRule(), "upgrade": CheckRule(3, 2)}
    assert (env.promotion.soak, env.promotion.approvals.count, env.protected) == (7200, 1, True)
    assert env.nodes[1].memory == "2G"
    (alice,) = env.operators
    assert (alice.name, alice.sudo, len(alice.keys)) == ("alice", True, 1)
    assert alice.keys[0].endswith("FaKeFa alice@home")


def test_inserted_node_renumbers_nobody(tmp_path: Path) -> None:
    before = parse_environment(write(tmp_path, GOOD))
    more = GOOD.replace("  controller:", "  cache: {roles: [cache], at: 12}\n  controller:")
    after = parse_environment(write(tmp_path, more))
    kept = {node.name: after.addresses(node) for node in after.nodes}
    assert {node.name: before.addresses(node) for node in before.nodes}.items() <= kept.items()


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        ("provider:", "provder:", 2, "unknown key 'provder'", "did you mean 'provider'?"),
        ("at: 10}", "att: 10}", 8, "unknown key 'att'", "did you mean 'at'?"),
        ("soak: 2h", "soak: 2 hours", 14, "not a duration", "90s, 15m, 2h or 1d"),
        ("10.20.1.0/24", "10.20.0.128/25", 6, "overlaps with network 'management'", ""),
        ("10.20.1.0/24", "10.20.1.7/24", 6, "not an IPv4 network", ""),
        ("at: 31", "at: 10", 10, "is already salt's", ""),
        ("at: 31", "at: 254", 10, "lies outside", ""),
        ("roles: [hypervisor]", "roles: []", 10, "at least one role", ""),
        ("roles: [hypervisor]", "roles: hypervisor", 10, "expected a list", ""),
        ("roles: [master]", "roles: [cache]", 8, "exactly one node has the role 'master'", ""),
        ("protected: true", "protected: maybe", 3, "expected true or false", ""),
        ("name: staging", "name: prod", 1, "the file is staging.yml", "prod.yml holds 'prod'"),
        ("passes: 2", "passes: 4", 13, "asks for 4 passes in 3 attempts", ""),
        ("{smoke: {}", "{two words: {}", 13, "'two words' is not the name of a check", "letters"),
        ("memory: 2G", "memory: lots", 9, "not an amount of memory", "512M or 2G"),
        ("count: 2", "count: 0", 10, "at least 1", ""),
        ("  salt:", "  Salt_1:", 8, "'Salt_1' is not a name", "a letter first"),
        ("  tunnel:", "  management:", 6, "the key stands twice", "remove one"),
        ("  alice:", "  Alice_1:", 18, "is no name for an account", "a letter first"),
        ("[ssh-ed25519 ", "[PRIVATE KEY ", 18, "not a public SSH key", "id_ed25519.pub"),
        ("sudo: true", "sudo: always", 19, "expected true or false", ""),
        ("sudo: true", "sudoo: true", 19, "unknown key 'sudoo'", "did you mean 'sudo'?"),
    ],
)
def test_wrong_value_is_told_with_file_line_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    refused(tmp_path, GOOD, old, new, line, message, remedy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "not YAML"),
        ("", "the file is empty"),
        ("- a\n- b\n", "expected a mapping, found a list"),
        ("name: staging\n", "the key 'networks' is missing"),
    ],
)
def test_file_that_is_no_environment_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=r"staging\.yml") as caught:
        parse_environment(write(tmp_path, text))
    assert message in caught.value.message


def test_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "staging.yml"
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        parse_environment(file)


def simple(name: str, source: str | None) -> str:
    promotion = f"promotion: {{from: {source}}}\n" if source else ""
    return (
        f"name: {name}\nnetworks: {{a: {{cidr: 10.1.0.0/24}}}}\n"
        f"nodes: {{salt: {{roles: [master], at: 10}}}}\n{promotion}"
    )


def test_environments_come_in_the_order_of_promotion(tmp_path: Path) -> None:
    for name, source in (("alpha", "middle"), ("middle", "zero"), ("zero", None)):
        write(tmp_path, simple(name, source), name)
    assert list(load_environments(tmp_path)) == ["zero", "middle", "alpha"]


def test_promotion_in_a_circle_is_told(tmp_path: Path) -> None:
    for name, source in (("one", "two"), ("two", "three"), ("three", "one")):
        write(tmp_path, simple(name, source), name)
    with pytest.raises(InputError, match="circle") as caught:
        load_environments(tmp_path)
    assert ":4: " in caught.value.message


def test_promotion_from_nowhere_is_told(tmp_path: Path) -> None:
    write(tmp_path, simple("one", "tset"), "one")
    with pytest.raises(InputError, match="no environment 'tset'"):
        load_environments(tmp_path)


def test_packages_are_downloaded_unless_the_file_says_installed(tmp_path: Path) -> None:
    assert not parse_environment(write(tmp_path, GOOD)).installed
    assert parse_environment(write(tmp_path, GOOD + "packages: installed\n")).installed
    with pytest.raises(InputError, match="'baked' is neither"):
        parse_environment(write(tmp_path, GOOD + "packages: baked\n"))


def test_other_provider_makes_an_instance_of_its_own(tmp_path: Path) -> None:
    environment = parse_environment(write(tmp_path, GOOD))
    assert environment.instance == Instance(environment.name)
    assert environment.with_provider(environment.provider) is environment
    other = environment.with_provider("vagrant")
    assert (other.name, other.instance) == (
        environment.name,
        Instance(environment.name, "vagrant"),
    )
    assert other.provider == "vagrant"


def test_shipped_train_passes_none_of_the_development_environments(checkout: Path) -> None:
    found = load_environments(checkout / "deploy-kit" / "environments")
    assert {"dev", "minimal", "ha"} <= set(found)
    assert [one.name for one in chain(found)] == ["test", "staging", "production"]
    networks = [cidr for one in found.values() for net in one.networks for cidr in net.cidrs]
    overlaps = [(a, b) for a, b in combinations(networks, 2) if a.overlaps(b)]
    assert overlaps == []


SHARED = GOOD.replace("10.20.0.0/24}", "10.20.0.0/24, vip: 10.20.0.5}").replace(
    "controller: {roles: [database, load-balancer], at: 11",
    "controller: {roles: [load-balancer, virtual-address], count: 2, at: 11",
)


def test_virtual_address_is_known_by_its_network(tmp_path: Path) -> None:
    assert parse_environment(write(tmp_path, SHARED)).virtual == {"management": "10.20.0.5"}
    assert parse_environment(write(tmp_path, GOOD)).virtual == {}


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        ("vip: 10.20.0.5", "vip: 10.21.0.5", 5, "10.21.0.5 lies outside management", ""),
        ("vip: 10.20.0.5", "vip: 10.20.0.255", 5, "lies outside management", ""),
        ("vip: 10.20.0.5", "vip: 10.20.0.0", 5, "lies outside management", ""),
        ("vip: 10.20.0.5", "vip: 10.20.0.12", 5, "is already controller2's", ""),
        ("vip: 10.20.0.5", "vip: five", 5, "not an IPv4 address", ""),
        ("vip: 10.20.0.5", "vpi: 10.20.0.5", 5, "unknown key 'vpi'", "did you mean 'vip'?"),
        ("10.20.1.0/24", "10.20.1.0/24, vip: 10.20.1.5", 6, "offered in the network 'tunnel'", ""),
        (", vip: 10.20.0.5", "", 5, "controller1 has the role 'virtual-address'", "vip: ADDRESS"),
        (", virtual-address", "", 5, "no node shares it", "the role 'virtual-address'"),
        ("[load-balancer, ", "[cache, ", 5, "without the role 'load-balancer'", "both roles"),
    ],
)
def test_virtual_address_that_does_not_fit_is_told(
    tmp_path: Path, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    refused(tmp_path, SHARED, old, new, line, message, remedy)


def test_shipped_ha_has_three_controllers_behind_one_address(checkout: Path) -> None:
    environment = parse_environment(checkout / "deploy-kit" / "environments" / "ha.yml")
    for role in ("database", "messaging", "load-balancer", "virtual-address"):
        assert len(environment.with_role(role)) == 3, role
    assert set(environment.virtual) == {"management", "external"}


@pytest.mark.parametrize(
    ("deploy", "batch", "pillar"),
    [
        ("{batch: 5}", Batch(count=5), {"batch": 5}),
        ("{batch: 10%}", Batch(percent=10), {"batch_percent": 10}),
        ("{batch: 100%}", Batch(percent=100), {"batch_percent": 100}),
        ("{}", Batch(), {}),
    ],
)
def test_how_many_nodes_change_at_once_is_a_number_or_a_share(
    tmp_path: Path, *, deploy: str, batch: Batch, pillar: dict[str, int]
) -> None:
    environment = parse_environment(write(tmp_path, f"{GOOD}deploy: {deploy}\n"))
    assert (environment.batch, environment.batch.pillar()) == (batch, pillar)
    assert parse_environment(write(tmp_path, GOOD)).batch == Batch()


@pytest.mark.parametrize(
    ("deploy", "message", "remedy"),
    [
        ("{batch: 0}", "at least 1", ""),
        ("{batch: 0%}", "'0%' is no number of nodes", "10%"),
        ("{batch: 101%}", "'101%' is no number of nodes", "10%"),
        ("{batch: some}", "'some' is no number of nodes", "10%"),
        ("{batch: -1}", "'-1' is no number of nodes", "10%"),
        ("{batches: 5}", "unknown key 'batches'", "batch"),
    ],
)
def test_batch_that_is_no_number_of_nodes_is_refused(
    tmp_path: Path, deploy: str, message: str, remedy: str
) -> None:
    good = f"{GOOD}deploy: {{}}\n"
    refused(tmp_path, good, "deploy: {}", f"deploy: {deploy}", 20, message, remedy)


def test_labels_mean_nothing_yet_and_so_are_refused(tmp_path: Path) -> None:
    new = "protected: true\nlabels: {rack: a}"
    refused(tmp_path, GOOD, "protected: true", new, 4, "unknown key 'labels'", "")


OWN = GOOD.replace("memory: 2G", "memory: 2G, addresses: {tunnel: 10.20.1.200}")


def test_node_has_addresses_of_its_own_where_its_number_does_not_fit(tmp_path: Path) -> None:
    env = parse_environment(write(tmp_path, OWN))
    addresses = {node.name: env.addresses(node) for node in env.nodes}
    assert addresses["controller"] == {"management": "10.20.0.11", "tunnel": "10.20.1.200"}
    assert addresses["compute1"] == {"management": "10.20.0.31", "tunnel": "10.20.1.31"}
    smaller = OWN.replace("10.20.1.0/24", "10.20.1.192/26").replace("at: 11,", "at: 70,")
    smaller = smaller.replace("count: 2, at: 31", "at: 31").replace("at: 10}", "at: 12}")
    env = parse_environment(write(tmp_path, smaller))
    assert env.addresses(env.nodes[1]) == {"management": "10.20.0.70", "tunnel": "10.20.1.200"}


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        ("{tunnel: 10.20.1.200}", "{tunel: 10.20.1.200}", 9, "unknown key 'tunel'", "tunnel"),
        ("10.20.1.200", "10.20.2.200", 9, "10.20.2.200 lies outside tunnel", ""),
        ("10.20.1.200", "10.20.1.255", 9, "10.20.1.255 lies outside tunnel", ""),
        ("10.20.1.200", "10.20.1.32", 9, "10.20.1.32 is already compute2's", ""),
        ("10.20.1.200", "here", 9, "not an IPv4 address", ""),
        ("count: 2,", "count: 2, addresses: {tunnel: 10.20.1.9},", 10, "cannot have", "own"),
        ("at: 31", "at: 300", 10, "300 lies outside management", "addresses: {management: "),
    ],
)
def test_address_that_cannot_be_a_nodes_own_is_refused(
    tmp_path: Path, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    refused(tmp_path, OWN, old, new, line, message, remedy)


def test_address_of_its_own_that_is_the_virtual_one_is_refused(tmp_path: Path) -> None:
    shared = OWN.replace("load-balancer]", "load-balancer, virtual-address]")
    shared = shared.replace("10.20.0.0/24}", "10.20.0.0/24, vip: 10.20.0.5}")
    mine = "{tunnel: 10.20.1.200, management: 10.20.0.5}"
    refused(tmp_path, shared, "{tunnel: 10.20.1.200}", mine, 5, "is already controller's", "")


MAINTAINED = f"{GOOD}maintenance: [compute2]\n"


def test_nodes_in_maintenance_are_named_and_change_nothing_of_what_stands(tmp_path: Path) -> None:
    env = parse_environment(write(tmp_path, MAINTAINED))
    assert env.maintenance == {"compute2"}
    before = environment_digest(parse_environment(write(tmp_path, GOOD)))
    assert environment_digest(env) == before


@pytest.mark.parametrize(
    ("new", "message", "remedy"),
    [
        ("[compute3]", "there is no node 'compute3'", "did you mean 'compute"),
        ("[compute]", "there is no node 'compute'", "did you mean 'compute"),
        ("[compute2, compute2]", "stands there twice", "remove one"),
        ("compute2", "expected a list", ""),
    ],
)
def test_maintenance_of_no_node_is_refused(
    tmp_path: Path, new: str, message: str, remedy: str
) -> None:
    line = len(MAINTAINED.splitlines())
    refused(tmp_path, MAINTAINED, "[compute2]", new, line, message, remedy)


ALLOWING = GOOD.replace("  soak: ", "  allow_missing: {hypervisor: 5%, load-balancer: 1}\n  soak: ")


def test_how_many_nodes_may_be_missing_is_a_number_or_a_share(tmp_path: Path) -> None:
    allowed = parse_environment(write(tmp_path, ALLOWING)).promotion.allow_missing
    assert {role: str(share) for role, share in allowed.items()} == {
        "hypervisor": "5%",
        "load-balancer": "1",
    }
    assert [allowed["hypervisor"].of(nodes) for nodes in (200, 39, 19)] == [10, 1, 0]
    assert allowed["load-balancer"].of(200) == 1


@pytest.mark.parametrize(
    ("old", "new", "message", "remedy"),
    [
        ("5%", "101%", "'101%' is no number of nodes", "2, or how many of a hundred, 5%"),
        ("5%", "-1", "'-1' is no number of nodes", "5%"),
        ("5%", "half", "'half' is no number of nodes", "5%"),
        ("{hypervisor:", "{hypervisors:", "no node has the role 'hypervisors'", "'hypervisor'"),
    ],
)
def test_share_that_may_be_missing_of_nothing_is_refused(
    tmp_path: Path, old: str, new: str, message: str, remedy: str
) -> None:
    line = 1 + ALLOWING[: ALLOWING.index("allow_missing")].count("\n")
    refused(tmp_path, ALLOWING, old, new, line, message, remedy)
