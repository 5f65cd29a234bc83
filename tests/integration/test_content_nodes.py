"""The content on real nodes: undo, healing, keys and links; one small environment for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from lxdsite import lxd_or_skip
from railway import Railway, deployed

pytestmark = [pytest.mark.nodes, pytest.mark.timeout(2700)]
TINY = """\
name: tiny
networks:
  management: {cidr: 10.73.0.0/24}
nodes:
  salt: {roles: [master], at: 10}
  region1:
    roles: [database, messaging, cache, identity, image, placement, load-balancer]
    at: 11
"""
NAMES = {"mariadb": "mysql", "rabbitmq": "rabbit"}  # where it is not the component's own name
STAYING = {"mariadb": "mariadb-common"}  # python3-mysqldb, which glance needs, stands on it
SALT = "/opt/salt/bin/salt --out=json --static -t 400 region1"
CALL = "/opt/salt/bin/salt-call --log-level=quiet --out=json"


@pytest.fixture(scope="module")
def region(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """A deployed region of two nodes, taken down afterwards."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("tiny") / "checkout"
    with deployed(checkout, folder, "tiny", TINY) as found:
        yield found


def on_master(region: Railway, line: str) -> str:
    return region.on_node("tiny", "salt", line).strip()


def on_region(region: Railway, line: str) -> str:
    return region.on_node("tiny", "region1", line).strip()


def test_pillar_of_a_minion_holds_only_its_own_secrets(region: Railway) -> None:
    listed = on_master(region, "ls -l /srv/environment/pillar; stat -c %a /srv/environment")
    assert listed.endswith("700")
    kept = on_master(region, "find /var/cache/salt/master -name 'data.p' -o -name '*pillar*.p'")
    assert kept == ""


def test_uninvited_minion_is_refused_and_gets_nothing(region: Railway) -> None:
    on_region(
        region,
        "mkdir -p /tmp/stranger/pki; sed 's/^id: .*/id: stranger/' /etc/salt/minion"
        " > /tmp/stranger/minion; printf 'pki_dir: /tmp/stranger/pki\\n"
        "cachedir: /tmp/stranger/cache\\nauth_tries: 1\\nacceptance_wait_time: 1\\n'"
        " >> /tmp/stranger/minion",
    )
    said = on_region(
        region,
        f"timeout 30 {CALL} -c /tmp/stranger pillar.items; echo status $?",
    )
    assert not said.endswith("status 0"), said
    assert "secrets" not in said
    accepted = on_master(region, "ls /etc/salt/pki/master/minions")
    assert accepted.split() == ["region1"]


def test_key_of_a_node_that_left_the_environment_is_taken_out(region: Railway) -> None:
    on_master(region, "echo key > /etc/salt/pki/master/minions/former")
    on_master(region, "touch /etc/salt/pki/master/minions_pre/stranger2")
    for state in region.state.rglob("day0"):
        state.unlink()
    region("deploy", region.running("tiny") or "", "tiny")
    assert on_master(region, "ls /etc/salt/pki/master/minions").split() == ["region1"]
    assert on_master(region, "ls /etc/salt/pki/master/minions_pre") == ""


def test_master_serves_no_links(region: Railway) -> None:
    states = "$(readlink -f /srv/kits/current)/salt/states"
    on_master(
        region,
        f"ln -s /etc/salt/pki {states}/pki; ln -s /etc/shadow {states}/shadow; echo x"
        f" > {states}/plain",
    )
    try:
        ask = f"{CALL} cp.get_file_str saltenv=current salt://"
        assert '"x' in on_region(region, f"{ask}plain")
        for path in ("shadow", "pki/master/salt.pem", "../../ansible/playbooks/day0.yml"):
            said = on_region(region, f"{ask}{path} || true")
            assert "root:" not in said and "PRIVATE" not in said and "hosts" not in said, path
        listed = on_region(region, f"{CALL} cp.list_master saltenv=current")
        assert "plain" in listed
        assert "shadow" not in listed and "pki" not in listed
    finally:
        on_master(region, f"rm -f {states}/pki {states}/shadow {states}/plain")


def test_service_left_with_an_old_configuration_is_restarted_by_the_next_run(
    region: Railway,
) -> None:
    show = "systemctl show memcached -P ActiveEnterTimestampMonotonic"
    before = on_region(region, show)
    on_region(region, "touch /etc/memcached.conf")  # as a run that was cut off leaves it
    assert '"result": false' not in on_master(region, f"{SALT} state.apply")
    after = on_region(region, show)
    assert int(after) > int(before)
    on_master(region, f"{SALT} state.apply")
    assert on_region(region, show) == after


def test_lost_database_account_is_brought_back(region: Railway) -> None:
    ask = "mariadb -N -e \"SELECT Host FROM mysql.user WHERE User = 'keystone'\""
    on_region(
        region,
        "mariadb -e \"RENAME USER keystone@'10.73.0.11' TO keystone@'10.73.0.99'\"",
    )
    on_master(region, f"{SALT} state.apply")
    assert on_region(region, ask) == "10.73.0.11"


def catalogue(region: Railway) -> str:
    """Apply the catalogue's step; what it said."""
    said = on_master(region, f"{SALT} state.sls keystone.catalogue")
    assert '"result": false' not in said, said
    return said


def test_endpoint_and_account_that_were_changed_by_hand_are_the_regions_again(
    region: Railway,
) -> None:
    said = catalogue(region)
    assert '"changes": {}' in said, said
    spoil = """
        UPDATE endpoint e JOIN service s ON e.service_id = s.id SET e.url = 'http://elsewhere/'
          WHERE s.type = 'image' AND e.interface = 'public';
        DELETE p FROM password p JOIN local_user l ON p.local_user_id = l.id
          WHERE l.name = 'placement';
        DELETE a FROM assignment a JOIN local_user l ON a.actor_id = l.user_id
          WHERE l.name = 'glance';"""
    on_region(region, f'mariadb keystone -e "{spoil}"; systemctl restart memcached')
    said = catalogue(region)
    assert "endpoint image public" in said
    assert "user placement" in said
    assert "user glance" in said
    urls = on_region(region, "mariadb keystone -N -e 'SELECT DISTINCT url FROM endpoint'")
    assert sorted(urls.split()) == [
        "https://10.73.0.11:5000/v3",
        "https://10.73.0.11:8778",
        "https://10.73.0.11:9292",
    ]
    assert '"changes": {}' in catalogue(region)


def test_password_of_the_message_queue_that_was_changed_by_hand_is_the_regions_again(
    region: Railway,
) -> None:
    health = f"{SALT} state.sls rabbitmq.health"
    on_region(region, "rabbitmqctl change_password nova elsewhere")
    on_master(region, f"{SALT} state.apply")
    assert '"result": false' not in on_master(region, health)


def test_no_service_of_the_region_listens_beyond_the_management_network(region: Railway) -> None:
    listening = on_region(region, "ss -Hltn").splitlines()
    found = {line.split()[3] for line in listening}
    assert "10.73.0.11:4369" in found  # Erlang's port mapper
    beyond = {where for where in found if not where.startswith(("10.73.0.11:", "127.", "[::1]:"))}
    assert {where.rsplit(":", 1)[1] for where in beyond} <= {"22"}


def clean_and_look(region: Railway, component: str) -> None:
    """Clean `component` with its data; nothing of it may be left, and nothing to do again."""
    clean = f"{SALT} state.sls {component}.clean pillar='{{\"purge_data\": true}}'"
    said = on_master(region, clean)
    assert '"result": false' not in said, said
    name = NAMES.get(component, component)
    places = ["/etc", "/etc/default", "/var/lib", "/var/log", "/var/cache", "/run"]
    left = on_region(
        region,
        f"systemctl list-unit-files --no-legend {component}.service;  dpkg -l"
        f" | awk '{{print $2}}' | grep -E '^(python3-)?{component}(-|$)';"
        f" find {' '.join(places)} /usr/local/sbin -maxdepth 1 -name '*{name}*';"
        f" grep {name} /etc/passwd; true",
    )
    assert left in ("", STAYING.get(component))
    again = on_master(region, clean)
    assert again.count('"changes"') == again.count('"changes": {}') > 0, again


@pytest.mark.parametrize("component", ["haproxy", "memcached", "glance"])
def test_clean_leaves_nothing_of_a_component(region: Railway, component: str) -> None:
    clean_and_look(region, component)


def test_region_is_whole_again_after_components_were_cleaned(region: Railway) -> None:
    region("deploy", region.running("tiny") or "", "tiny")
    url = "https://10.73.0.11:5000/v3"
    code = "import sys, ssl, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20,"
    code += " context=ssl.create_default_context(cafile='/srv/environment/ca/ca.crt')).status)"
    assert on_master(region, f'python3 -c "{code}" {url}') == "200"


def test_clean_of_the_trust_leaves_the_authority_nowhere(region: Railway) -> None:
    store = "grep -c . /etc/ssl/certs/ca-certificates.crt"
    trusted = int(on_region(region, store))
    said = on_master(region, f"{SALT} state.sls trust.clean")
    assert '"result": false' not in said, said
    assert int(on_region(region, store)) < trusted
    assert on_region(region, "find /etc/ssl /usr/local/share -name '*region*'") == ""


@pytest.mark.parametrize("component", ["placement", "rabbitmq", "keystone", "mariadb"])
def test_clean_with_data_leaves_nothing_of_a_component(region: Railway, component: str) -> None:
    clean_and_look(region, component)
