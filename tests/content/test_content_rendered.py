"""Every state for every role, rendered by Salt itself: what a person reads, and what must hold.

The golden files show each component on the node that has it first, and how it differs on others;
what they show of a wanted change: `REGENERATE_GOLDEN=1 .venv/bin/pytest tests/content`. All that it
does to every node of every topology: `make rendered`.
"""

from __future__ import annotations

import difflib
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import knocking
import pytest
import yaml
from deploykit.preview.pieces import OTHER, Piece, owner, pieces, shown
from loosemodule import module_of
from rendered import components_of
from topologies import TOPOLOGIES

# The first one may have to build Salt. On one worker, while others do what needs no rendering.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("rendered")]
GOLDEN = Path(__file__).with_name("golden")
CHECKOUT = GOLDEN.parents[2]
COMPONENTS = components_of(CHECKOUT)
READ = ("volumes", "ha")  # the topologies that the golden files show: between them, every component
UNREAD = (".clean", ".health")
EVERY = sorted(TOPOLOGIES)
SECRET_WORDS = ("secret-of-", "-key-zero", "-key-one", "PRIVATE KEY\n")


def read_pieces(answer: Any, component: str) -> dict[Piece, str]:
    """What a person reads of a component on a node: no undo and no health."""
    if isinstance(answer, list):
        return {piece: step_line(step) for piece, step in pieces(answer, COMPONENTS).items()}
    listed = {name: one for name, one in answer["sls"].items() if not name.endswith(UNREAD)}
    found = pieces({**answer, "sls": listed}, COMPONENTS)
    return {
        piece: shown(brief(value)) for piece, value in found.items() if piece.component == component
    }


def brief(value: Any) -> Any:
    """A state without what the name of its piece says."""
    if not isinstance(value, dict):
        return value
    spare = {"__id__", "state", "fun"} | ({"name"} if value["name"] == value["__id__"] else set())
    return {key: one for key, one in value.items() if key not in spare}


def step_line(step: dict[str, Any]) -> str:
    """One step of the orchestration in a line: what runs where."""
    what = ", ".join(step.get("sls", [])) or step.get("name", "")
    more = f" with {json.dumps(step['pillar'])}" if step.get("pillar") else ""
    return f"{what}{more} on {', '.join(step.get('tgt', ['the master']))}\n"


def golden_text(render: Any, component: str) -> str:
    """The golden file of a component: on its first node, then what differs on the others."""
    first: dict[Piece, str] = {}
    told: dict[str, list[str]] = {}
    for topology in READ:
        for node, answer in render(topology).items():
            if isinstance(answer, list) != (component == OTHER):
                continue
            found = read_pieces(answer, component)
            if found:
                base = first if component != OTHER else {}
                text = "\n".join(compared(found, base))
                first = first or found
                told.setdefault(text, []).append(f"{topology}/{node}")
    parts = [f"=== {' '.join(places)}\n{text}\n" for text, places in told.items() if text]
    return "\n".join(parts)


def compared(found: dict[Piece, str], first: dict[Piece, str]) -> Iterator[str]:
    """The lines of a node's pieces; where there is a `first` node, of those that differ from it."""
    for piece, text in found.items():
        if piece not in first:
            yield f"{piece.name}:"
            yield from (f"    {line}".rstrip() for line in text.splitlines())
        elif text != first[piece]:
            yield f"{piece.name}, which differs:"
            both = first[piece].splitlines(), text.splitlines()
            diff = list(difflib.unified_diff(*both, n=0, lineterm=""))[2:]
            yield from (f"    {line}".rstrip() for line in diff if not line.startswith("@@"))
    yield from (f"{piece.name}, which is not here" for piece in first if piece not in found)


@pytest.mark.parametrize("component", [*COMPONENTS, OTHER])
def test_component_rendered_equals_its_golden_file(render: Any, component: str) -> None:
    text = golden_text(render, component)
    file = GOLDEN / f"{component}.txt"
    if os.environ.get("REGENERATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(text)
    assert text, f"no node of {READ} has {component}"
    assert text == file.read_text(), "read the difference; is it what you want?"


@pytest.mark.parametrize("component", COMPONENTS)
def test_undo_of_a_component_renders_where_the_component_is(render: Any, component: str) -> None:
    nodes = [node for name in READ for node in render(name).values() if isinstance(node, dict)]
    assert any(f"{component}.clean" in node["sls"] for node in nodes)


def test_golden_files_are_those_of_the_components() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == {*COMPONENTS, OTHER}


@pytest.mark.parametrize("topology", EVERY)
def test_every_state_that_another_asks_for_is_there(render: Any, topology: str) -> None:
    asked = 0
    for name, answer in render(topology).items():
        if name == "orchestration":
            continue
        states = [*answer["highstate"], *(one for own in answer["sls"].values() for one in own)]
        there = {(one["state"], one["__id__"]) for one in states if isinstance(one, dict)}
        for one in (state for state in states if isinstance(state, dict)):
            for wanted in one.get("require", []):
                asked += 1
                assert next(iter(wanted.items())) in there, (name, one["__id__"], wanted)
    assert asked > 50


@pytest.mark.parametrize("topology", EVERY)
def test_states_of_our_own_modules_are_called_as_those_are_written(
    render: Any, topology: str
) -> None:
    modules = {
        file.stem: module_of(file) for file in (CHECKOUT / "salt/states/_states").glob("*.py")
    }
    known = {"__id__", "state", "fun", "require", "parallel", "failhard"}
    called = set()
    for name, answer in render(topology).items():
        states = answer["highstate"] if name != "orchestration" else []
        for one in [state for state in states if state["state"] in modules]:
            function = getattr(modules[one["state"]], one["fun"])
            given = {key: value for key, value in one.items() if key not in known}
            inspect.signature(function).bind(**given)
            called.add(one["fun"])
    assert {"current", "ensured", "loaded"} <= called


@pytest.mark.parametrize("topology", EVERY)
def test_highstate_of_a_minion_is_what_its_roles_ask_for(
    render: Any, role_map: Any, topology: str
) -> None:
    from_roles = {role: entry["components"] for role, entry in role_map["roles"].items()}
    for name, answer in render(topology).items():
        if name != "orchestration":
            components = answer["top"]["kit"]
            owners = {owner(state["__id__"], components) for state in answer["highstate"]}
            assert owners == set(components)
            known = {part for parts in from_roles.values() for part in parts}
            assert set(components) <= known | set(role_map["common"])
            assert set(answer["pillar"]) == {
                *components,
                *("components", "databases", "endpoints", "environment", "region", "role_map"),
                *("secrets", "services", "settings"),
            }


@pytest.mark.parametrize("topology", EVERY)
def test_files_with_secrets_show_no_changes_and_are_not_for_everyone(
    render: Any, topology: str
) -> None:
    guarded = 0
    for answer in render(topology).values():
        if not isinstance(answer, dict):
            continue
        for state in answer["highstate"]:
            if state["state"] != "file" or state["fun"] != "managed":
                continue
            text = json.dumps([state, answer["files"].get(state["name"])])
            if has_secret(text) or "contents_pillar" in state:
                guarded += 1
                assert state["show_changes"] is False, state["name"]
                assert state["mode"] in ("0400", "0600", "0640"), state["name"]
    assert guarded >= 4 or topology == "alone"  # which has no secrets


@pytest.mark.parametrize("topology", EVERY)
def test_secret_that_a_file_takes_from_pillar_is_given_to_its_node(
    render: Any, topology: str
) -> None:
    for name, answer in render(topology).items():
        states = answer["highstate"] if isinstance(answer, dict) else []
        taken = [state["contents_pillar"] for state in states if "contents_pillar" in state]
        for place in (p for one in taken for p in ([one] if isinstance(one, str) else one)):
            assert place.split(":")[1] in answer["secrets"], f"{name} has no {place}"


@pytest.mark.parametrize("topology", EVERY)
def test_no_state_holds_a_secret_itself(render: Any, topology: str) -> None:
    # A state with all its arguments is kept in the minion's cache (highstate.cache.p, sls.p).
    for name, answer in render(topology).items():
        if name == "orchestration":
            held = [json.dumps(step) for step in answer]
        else:
            every = [answer["highstate"], *answer["sls"].values()]
            held = [json.dumps(state) for states in every for state in states]
        assert held
        assert [text for text in held if has_secret(text)] == []


def has_secret(text: str) -> bool:
    """Whether a secret of the topologies stands in JSON `text`."""
    return any(json.dumps(word)[1:-1] in text for word in SECRET_WORDS)


@pytest.mark.parametrize("topology", EVERY)
def test_no_service_is_told_to_listen_everywhere(render: Any, topology: str) -> None:
    for name, answer in render(topology).items():
        if name != "orchestration":
            lines = [line for text in answer["files"].values() for line in text]
            assert "0.0.0.0" not in json.dumps(lines)


@pytest.mark.parametrize("topology", EVERY)
def test_services_behind_the_load_balancer_listen_for_their_node_alone(
    render: Any, topology: str
) -> None:
    sockets = re.compile(r"(?:http-socket|stats|bind_host|Listen|novncproxy_host)(?: = | )(\S+)")
    for name, answer in render(topology).items():
        if name == "orchestration":
            continue
        for path, lines in answer["files"].items():
            if path.startswith(("/etc/haproxy/", "/etc/systemd/system/epmd")):
                continue
            places = [match[1] for line in lines if (match := sockets.fullmatch(line))]
            assert {place.partition(":")[0] for place in places} <= {"127.0.0.1"}, (name, path)


def test_every_step_of_an_orchestration_stops_it_and_expects_its_minions(render: Any) -> None:
    for step in render("shipped")["orchestration"]:
        assert step["failhard"] is True
        if step["fun"] == "state":
            assert step["expect_minions"] is True
            assert step["saltenv"] == step["pillarenv"] == "kit"


def test_identity_goes_canary_first_and_migrates_there_only(render: Any) -> None:
    steps = [step for step in render("shipped")["orchestration"] if step["fun"] == "state"]
    identity = [step for step in steps if step["__id__"].startswith("identity_")]
    assert [step["tgt"] for step in identity] == [["identity1"], ["identity2"], ["identity3"]]
    assert ["keystone.migrate" in step["sls"] for step in identity] == [True, False, False]
    assert all(step["sls"][-1] == "keystone.health" for step in identity)
    assert steps[-1]["sls"] == ["haproxy.health"]


@pytest.mark.parametrize(
    ("topology", "node", "states"),
    [
        ("minimal", "controller", ["nova.discover", "cloud.brought"]),
        ("ha", "controller1", ["nova.discover", "cloud.brought"]),
        ("shipped", None, []),
    ],
)
def test_cloud_gets_its_own_things_when_all_that_they_need_is_there(
    render: Any, *, topology: str, node: str | None, states: list[str]
) -> None:
    steps = [step for step in render(topology)["orchestration"] if step["fun"] == "state"]
    own = [step for step in steps if "cloud.brought" in step["sls"]]
    assert [(step["tgt"], step["sls"]) for step in own] == ([([node], states)] if node else [])
    assert own == ([steps[-3]] if node else [])


def test_control_plane_comes_up_in_its_order(render: Any) -> None:
    steps = {step["__id__"]: step for step in render("dev")["orchestration"]}
    order = list(steps)
    wanted = ["packages", "foundation", "identity_canary", "catalogue", "migrations"]
    wanted += ["control_canary", "network_canary", "hypervisor_canary", "hypervisor_batch_1"]
    wanted += ["cloud_controller", "load_balancer"]
    assert [name for name in order if name in wanted] == wanted
    everyone = ["salt", "controller", "network", "compute1", "compute2"]
    assert steps["packages"]["tgt"] == steps["foundation"]["tgt"] == everyone
    assert steps["catalogue"]["tgt"] == steps["migrations"]["tgt"] == ["controller"]
    assert steps["hypervisor_canary"]["tgt"] == ["compute1"]
    assert steps["cloud_controller"]["sls"] == ["nova.discover", "cloud.brought"]


def test_environment_without_a_control_plane_has_no_step_of_it(render: Any) -> None:
    names = {step["__id__"] for step in render("shipped")["orchestration"]}
    assert not names & {"catalogue", "migrations", "control_canary", "network_canary"}


def test_each_database_is_migrated_once_on_the_first_node_of_its_role(render: Any) -> None:
    (step,) = [one for one in render("dev")["orchestration"] if one["__id__"] == "migrations"]
    databases = {"glance", "placement", "nova", "neutron", "heat"}
    assert {name: set(parts) for name, parts in step["pillar"]["migrate"].items()} == {
        "controller": databases
    }


@pytest.mark.parametrize("topology", ["shipped", "minimal", "ha"])
def test_database_is_kept_before_it_is_migrated_and_only_then(render: Any, topology: str) -> None:
    steps = {step["__id__"]: step for step in render(topology)["orchestration"]}
    order = list(steps)
    kept = order.index("backup")
    assert order.index("foundation") < order.index("schemas") < kept
    assert kept < order.index("identity_canary")
    assert steps["backup"]["sls"] == ["mariadb.backup"]
    assert steps["backup"]["onchanges"] == [{"salt": "schemas"}]
    assert len(steps["backup"]["tgt"]) == 1
    asked = {part for parts in steps["schemas"]["pillar"]["migrate"].values() for part in parts}
    migrated = {"keystone"} if topology == "shipped" else {"keystone", "nova", "neutron", "glance"}
    assert asked >= migrated


@pytest.mark.parametrize("topology", ["shipped", "minimal", "ha"])
def test_schema_is_narrowed_when_no_service_of_the_version_before_is_left(
    render: Any, topology: str
) -> None:
    steps = {step["__id__"]: step for step in render(topology)["orchestration"]}
    order = list(steps)
    starting = ("identity_", "control_", "network_", "hypervisor_")
    last = max(place for place, name in enumerate(order) if name.startswith(starting))
    assert order.index("migrations_finished") > last
    assert steps["migrations_finished"]["sls"] == ["stage.finish"]
    assert steps["migrations_finished"]["pillar"] == steps["schemas"]["pillar"]


@pytest.mark.parametrize("topology", ["shipped", "minimal", "ha"])
def test_packages_that_no_service_stands_on_come_when_all_services_are_through(
    render: Any, topology: str
) -> None:
    answer = render(topology)
    steps = {step["__id__"]: step for step in answer["orchestration"]}
    order = list(steps)
    starting = ("identity_", "control_", "network_", "hypervisor_")
    last = max(place for place, name in enumerate(order) if name.startswith(starting))
    rest = steps["packages_rest"]
    assert order.index("packages_rest") > last
    assert rest["sls"] == ["stage.rest", "stage.settled"]
    assert rest["onchanges"] == [{"salt": "packages"}]
    assert rest["tgt"] == steps["packages"]["tgt"]
    for node in [one for name, one in answer.items() if name != "orchestration"]:
        assert node["sls"]["stage.rest"] == ["stage_rest_upgraded"]
        assert node["sls"]["stage.settled"][-1] == "stage_settled_fresh"
        assert "chrony_service_running" in node["sls"]["stage.settled"]


def test_newer_server_of_a_cluster_comes_node_by_node(render: Any) -> None:
    """What all nodes of the cluster do side by side leaves their packages as they are."""
    steps = {step["__id__"]: step for step in render("ha")["orchestration"]}
    told = {
        name: step.get("pillar") for name, step in steps.items() if name.startswith("database_")
    }
    later = {name for name, pillar in told.items() if pillar == {"packages_later": True}}
    assert later == {"database_watched", "database_founded", "database_joined"}
    assert not any(told[f"database_controller{number}"] for number in (1, 2, 3))


def test_what_widens_before_services_start_narrows_nothing(render: Any) -> None:
    states = render("dev")["controller"]["sls"]
    for component in ("keystone", "neutron"):
        before = json.dumps(states[f"{component}.migrate"])
        assert "EXPAND_HEAD" in before and "contract" not in before
        assert "--contract" in json.dumps(states[f"{component}.finish"])
    for component in ("nova", "cinder"):
        nodes = render("volumes")["controller"]["sls"]
        assert "online_data_migrations" in json.dumps(nodes[f"{component}.finish"])
        assert "online_data_migrations" not in json.dumps(nodes[f"{component}.migrate"])
    assert "nova-status upgrade check" in json.dumps(states["nova.migrate"])


@pytest.mark.parametrize("topology", ["minimal", "ha"])
def test_hypervisors_are_spoken_to_as_the_oldest_understands(render: Any, topology: str) -> None:
    for answer in render(topology).values():
        if isinstance(answer, dict) and "/etc/nova/nova.conf" in answer["files"]:
            lines = answer["files"]["/etc/nova/nova.conf"]
            assert lines[lines.index("[upgrade_levels]") + 1] == "compute = auto"


def test_deleted_rows_go_by_a_timer_on_one_node_of_each_service(render: Any) -> None:
    nodes = render("ha")
    timers = {
        name: {
            one["name"]
            for one in nodes[name]["highstate"]
            if one["state"] == "service" and one["name"].endswith("-tidy.timer")
        }
        for name in ("controller1", "controller2")
    }
    wanted = {f"{name}-tidy.timer" for name in ("nova", "glance", "heat", "keystone")}
    assert timers == {"controller1": wanted, "controller2": set()}


@pytest.mark.parametrize("topology", ["shipped", "ha"])
def test_server_keeps_binary_logs_apart_from_its_data_and_backups_are_timed(
    render: Any, topology: str
) -> None:
    node = render(topology)["controller" if topology == "shipped" else "controller2"]
    lines = node["files"]["/etc/mysql/mariadb.conf.d/90-region.cnf"]
    assert {"log_bin = /var/lib/mysql-logs/binlog", "binlog_format = ROW", "sync_binlog = 1"} <= {
        *lines
    }
    assert ("log_slave_updates = ON" in lines) == (topology == "ha")
    timers = {one["name"] for one in node["highstate"] if one["name"].endswith(".timer")}
    assert {"mariadb-backup.timer", "mariadb-backup-logs.timer"} <= timers


def test_no_password_is_said_to_the_server_so_that_its_logs_would_have_it(render: Any) -> None:
    lines = "\n".join(render("minimal")["controller"]["files"]["/etc/mysql/region-access.sql"])
    assert "IDENTIFIED BY PASSWORD '\", PASSWORD('" in lines
    assert "IDENTIFIED BY '" not in lines


def test_clients_reach_services_through_the_load_balancer_only(render: Any) -> None:
    answer = render("dev")
    front = "https://10.0.0.11:5000/v3"
    for node in ("controller", "network", "compute1"):
        text = json.dumps(answer[node]["files"])
        assert "http://" not in text, node
        assert node == "network" or front in text, node


@pytest.mark.parametrize("topology", EVERY)
def test_state_ids_spell_their_path(render: Any, topology: str) -> None:
    """As Salt sees them, so also those that macros make."""
    seen = 0
    for name, answer in render(topology).items():
        if name == "orchestration":
            continue
        others = [
            (sls, one["__id__"])
            for sls, states in answer["sls"].items()
            for one in states
            if isinstance(one, dict)
        ]
        for sls, state in [*map(tuple, answer["places"]), *others]:
            path = sls.replace(".", "_")
            assert state == path or state.startswith(f"{path}_"), (topology, name, sls, state)
            seen += 1
    assert seen > 50


@pytest.mark.parametrize("topology", EVERY)
def test_clean_takes_packages_by_the_tool_that_keeps_what_others_need(
    render: Any, topology: str
) -> None:
    """Purging python3-pymysql with keystone would take glance and nova along."""
    kept = set()
    for name, answer in render(topology).items():
        if name == "orchestration":
            continue
        components = answer["top"]["kit"]
        cleans = {name: own for name, own in answer["sls"].items() if name.endswith(".clean")}
        assert set(cleans) == {f"{one}.clean" for one in components}
        for component in components:
            states = cleans[f"{component}.clean"]
            assert not [one for one in states if one["state"] in ("pkg", "aptpkg")]
            undos = [one for one in states if one["state"] == "cmd"]
            if component in KEEPING:
                assert not undos
                continue
            (undo,) = undos
            assert (undo["fun"], undo["source"]) == ("script", "salt://lib/files/undo.py")
            program, *taken = undo["name"].split()
            others = {
                package
                for other in components
                for package in packages_of(other)
                if other != component
            }
            assert program == "undo.py"
            assert not others.intersection(taken), component
            assert set(taken) >= set(packages_of(component)) - others
            kept |= others.intersection(packages_of(component))
    if topology in READ:
        assert "python3-pymysql" in kept, "no two components of a node share anything"


KEEPING = ("trust", "vendor")  # whose packages are every node's own


def packages_of(component: str) -> list[str]:
    pillar = yaml.safe_load((CHECKOUT / f"salt/pillar/{component}.sls").read_text())
    return list(pillar[component]["packages"])


@pytest.mark.parametrize("topology", EVERY)
def test_what_services_say_goes_to_the_journal_and_to_no_file(render: Any, topology: str) -> None:
    """The region's log is made of the journals (states/logging)."""
    told = 0
    for name, answer in render(topology).items():
        if name == "orchestration":
            continue
        for path, lines in answer["files"].items():
            if not path.startswith(("/etc/logrotate.d", "/etc/rsyslog")):
                assert not [line for line in lines if TO_A_FILE.match(line)], (name, path)
            told += "use_stderr = true" in lines
        units = {one["name"] for one in answer["highstate"] if one["state"] == "unit"}
        silenced = {one["name"] for one in answer["highstate"] if one["__id__"].endswith("_log")}
        for unit in units & PRINTING:
            assert f"/etc/default/{unit}" in silenced, (name, unit)
    assert told or topology == "alone"  # which has no service of OpenStack


TO_A_FILE = re.compile(r"\s*(log_dir|log_file|logto|logfile|log-file)\b|.*/var/log/")
# Debian's start scripts name a file to these, but not to those that uwsgi runs.
PRINTING = {
    *("glance-api", "nova-conductor", "nova-scheduler", "nova-novncproxy", "nova-compute"),
    *("neutron-rpc-server", "neutron-linuxbridge-agent", "neutron-dhcp-agent", "neutron-l3-agent"),
    *("neutron-metadata-agent", "cinder-scheduler", "cinder-volume", "heat-engine"),
}


@pytest.mark.parametrize("topology", EVERY)
def test_logs_are_rotated_on_every_node(render: Any, topology: str) -> None:
    for name, answer in render(topology).items():
        if name != "orchestration":
            (timer,) = [one for one in answer["highstate"] if one["name"] == "logrotate.timer"]
            assert (timer["fun"], timer["enable"]) == ("running", True), name


@pytest.mark.parametrize("topology", EVERY)
def test_health_of_what_restarts_beside_the_run_is_asked_of_the_new_process(
    render: Any, topology: str
) -> None:
    """A page behind the load balancer is asked for by no line of shell: the old one may answer."""
    for name, answer in render(topology).items():
        if name == "orchestration":
            continue
        asked = {
            one["name"]
            for sls, states in answer["sls"].items()
            if sls.endswith(".health")
            for one in states
            if one["state"] == "unit" and one["fun"] == "answers"
        }
        started = {one["name"] for one in answer["highstate"] if one["fun"] == "started"}
        assert asked == started & ANSWERING, name
        for states in answer["sls"].values():
            lines = [one.get("check", "") for one in states if isinstance(one, dict)]
            pages = [line for line in lines if "http://" in line and "urlopen" in line]
            assert not [line for line in pages if not line.endswith("/metrics")]  # behind none


ANSWERING = {
    *("glance-api", "placement-api", "nova-api", "nova-api-metadata", "nova-novncproxy"),
    *("neutron-api", "cinder-api", "heat-api", "horizon", "apache2"),
}


LET_IN = {
    "a node, at a service",
    "a node, at ssh",
    "a node, by the tunnel",
    "a client outside, at what is offered",
    "the operator, at ssh",
}


@pytest.mark.parametrize(
    ("topology", "more"), [("minimal", frozenset()), ("metal", frozenset({"a node, by IPv6"}))]
)
def test_firewall_lets_in_what_the_environment_says_whatever_the_interfaces_are_called(
    render: Any, tmp_path: Path, topology: str, more: frozenset[str]
) -> None:
    """Knocked at for real, in a network of this process's own (knocking.py)."""
    lines = render(topology)["controller"]["files"]["/etc/region-firewall.nft"]
    assert not [line for line in lines if "eth" in line.split("#")[0] or "eno" in line]
    rules = tmp_path / "rules.nft"
    rules.write_text("\n".join(lines) + "\n")
    words = ["unshare", "-rn", sys.executable, knocking.__file__, str(rules)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {name for name, there in told["with"].items() if there} == LET_IN | more
    assert sum(told["without"].values()) >= len(told["without"]) - 1, "nobody could knock at all"


@pytest.mark.parametrize("topology", EVERY)
def test_firewall_is_healthy_only_where_the_addresses_that_it_goes_by_are_there(
    render: Any, topology: str
) -> None:
    for name, answer in render(topology).items():
        if name != "orchestration":
            assert "policy drop" in "".join(answer["files"]["/etc/region-firewall.nft"])
            (health,) = answer["sls"]["firewall.health"]
            assert "policy drop" in health["check"]
            assert "ip -o address show to 10.0.0." in health["check"]


def health_of_firewall(render: Any, topology: str, node: str) -> str:
    (health,) = render(topology)[node]["sls"]["firewall.health"]
    check: str = health["check"]
    return check


def test_firewall_is_healthy_only_with_the_interfaces_that_the_environment_names(
    render: Any,
) -> None:
    """The check is run by bash as it is, beside a folder that stands for /sys/class/net."""
    check = health_of_firewall(render, "metal", "compute1")
    for name in ("bond0.100", "bond0.200", "eno3"):
        assert f"-e /sys/class/net/{name} " in check
    counted = health_of_firewall(render, "minimal", "compute1")
    assert "-e /sys/class/net/eth3 " in counted
    assert "mtu" not in counted


@pytest.mark.parametrize(
    ("spoilt", "problem"),
    [
        (None, ""),
        ("bond0.100", "there is no interface bond0.100, that of the network management"),
        ("bond0.200/mtu", "bond0.200, of the network tunnel, has another MTU than 9000"),
        ("eno3/address", "eno3, of the network external, has another MAC than 52:54:00:12:34:56"),
        ("fd10::c", "no interface has fd10::c, the address in the network management"),
    ],
)
def test_firewall_says_which_interface_is_not_as_the_environment_has_it(
    render: Any, tmp_path: Path, spoilt: str | None, problem: str
) -> None:
    check = health_of_firewall(render, "metal", "compute1")
    for name, mtu in (("bond0.100", 1500), ("bond0.200", 9000), ("eno3", 1500)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mtu").write_text(f"{mtu}\n")
        (tmp_path / name / "address").write_text("52:54:00:12:34:56\n")
    if spoilt is not None and (tmp_path / spoilt).is_dir():
        shutil.rmtree(tmp_path / spoilt)
    elif spoilt is not None and "/" in spoilt:
        (tmp_path / spoilt).write_text("1\n")
    stubs = "nft() { echo policy drop; }; ip() { [[ $5 != " + str(spoilt) + " ]] && echo there; }; "
    line = stubs + check.replace("/sys/class/net", str(tmp_path))
    done = subprocess.run(
        ["bash", "-ec", line], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode == 0) == (spoilt is None), done.stdout + done.stderr
    assert problem in done.stdout


def test_nodes_reach_each_other_by_ipv6_where_the_environment_has_it(
    render: Any, tmp_path: Path
) -> None:
    lines = render("metal")["compute1"]["files"]["/etc/region-firewall.nft"]
    rules = tmp_path / "rules.nft"
    rules.write_text("\n".join(lines) + "\n")
    words = ["unshare", "-rn", "nft", "-c", "-f", str(rules)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert any("ip6 saddr @management_nodes6 accept" in line for line in lines)
    assert any("fd10::a" in line for line in lines)
    assert not [line for line in lines if "tunnel_nodes6" in line]
    plain = render("minimal")["compute1"]["files"]["/etc/region-firewall.nft"]
    assert not [line for line in plain if "ip6 saddr" in line]


def test_neutron_knows_interfaces_and_what_their_networks_carry(render: Any) -> None:
    files = render("metal")["controller"]["files"]
    agent = files["/etc/neutron/plugins/ml2/linuxbridge_agent.ini"]
    assert "physical_interface_mappings = external:eno3" in agent
    assert "path_mtu = 9000" in files["/etc/neutron/plugins/ml2/ml2_conf.ini"]
    assert "global_physnet_mtu = 9000" in files["/etc/neutron/neutron.conf"]
    assert "physical_network_mtus" not in "".join(files["/etc/neutron/plugins/ml2/ml2_conf.ini"])
    plain = render("minimal")["controller"]["files"]
    assert "mtu" not in "".join(plain["/etc/neutron/plugins/ml2/ml2_conf.ini"])


def test_load_balancer_says_who_asked_what_and_how_it_ended(render: Any) -> None:
    for topology in ("shipped", "ha"):
        node = "controller" if topology == "shipped" else "controller1"
        lines = [
            line.strip() for line in render(topology)[node]["files"]["/etc/haproxy/haproxy.cfg"]
        ]
        assert "log /dev/log local0" in lines and "log global" in lines
        (form,) = [line for line in lines if line.startswith("log-format")]
        assert all(word in form for word in ("%ci", "%b/%s", "%ST", "%tsc", "%HPO"))
        assert "%r" not in form.split() and "%HU" not in form, "a console's token stands there"
        assert ("option tcplog" in lines) == (topology == "ha")


def test_clusters_come_up_node_by_node_before_what_stands_on_them(render: Any) -> None:
    steps = {step["__id__"]: step for step in render("ha")["orchestration"]}
    controllers = ["controller1", "controller2", "controller3"]
    wanted = ["packages", "database_watched", "database_founded", "database_joined"]
    wanted += [f"database_{name}" for name in controllers]
    wanted += [f"messaging_{name}" for name in controllers]
    wanted += ["foundation", "identity_canary"]
    assert [name for name in steps if name in wanted] == wanted
    assert steps["database_founded"]["tgt"] == controllers
    for name in controllers:
        assert steps[f"database_{name}"]["tgt"] == steps[f"messaging_{name}"]["tgt"] == [name]
        assert steps[f"database_{name}"]["sls"] == ["mariadb", "mariadb.synced"]


def test_one_node_alone_is_no_cluster(render: Any) -> None:
    for topology in sorted(set(EVERY) - {"ha"}):
        answer = render(topology)
        names = {step["__id__"] for step in answer["orchestration"]}
        assert not {one for one in names if one.startswith(("database_", "messaging_"))}
        text = json.dumps([one for name, one in answer.items() if name != "orchestration"])
        for word in ("wsrep", "quorum", "mariadb-watch", "cluster_formation", "keepalived.conf"):
            assert word not in text, (topology, word)


def test_no_state_of_a_cluster_begins_it_but_the_step_for_that(render: Any) -> None:
    answer = render("ha")["controller1"]
    assert "cluster found" in json.dumps(answer["sls"]["mariadb.found"])
    others = [answer["highstate"], *(v for k, v in answer["sls"].items() if k != "mariadb.found")]
    for word in ("mariadb-cluster found", "galera_new_cluster"):
        assert word not in json.dumps(others)


def test_services_reach_everything_of_ha_at_the_virtual_address(render: Any) -> None:
    answer = render("ha")
    for node in ("controller1", "controller2", "compute1"):
        files = answer[node]["files"]
        nova = "\n".join(files["/etc/nova/nova.conf"])
        assert "auth_url = https://10.0.0.5:5000/v3" in nova
        assert "rabbit_quorum_queue = true" in nova
        assert all(f"@10.0.0.{host}:5671" in nova for host in (11, 12, 13))
        if node != "compute1":
            assert "@10.0.0.5:3307/nova_cell0" not in nova and "@10.0.0.5:3307/nova?" in nova
    balancer = answer["controller2"]["files"]["/etc/haproxy/haproxy.cfg"]
    assert [line.strip() for line in balancer if ":3306" in line] == [
        "server controller1 10.0.0.11:3306",
        "server controller2 10.0.0.12:3306 backup",
        "server controller3 10.0.0.13:3306 backup",
    ]


def test_what_a_cluster_says_within_is_open_to_its_nodes_only(render: Any) -> None:
    lines = render("ha")["controller1"]["files"]["/etc/region-firewall.nft"]
    accept = next(place for place, line in enumerate(lines) if "@management_nodes accept" in line)
    before = [line.strip() for line in lines[:accept]]
    members = "ip saddr != { 10.0.0.11, 10.0.0.12, 10.0.0.13 } drop"
    assert f"tcp dport {{ 4567, 4568, 4444 }} {members}" in before
    assert f"tcp dport {{ 4369, 25672 }} {members}" in before


def test_routers_and_addresses_of_tenants_are_on_more_than_one_network_node(render: Any) -> None:
    lines = render("ha")["controller1"]["files"]["/etc/neutron/neutron.conf"]
    assert {"dhcp_agents_per_network = 2", "l3_ha = true", "max_l3_agents_per_router = 3"} <= {
        *lines
    }


def test_nodes_for_volumes_come_before_the_hypervisors_that_use_them(render: Any) -> None:
    steps = {step["__id__"]: step for step in render("volumes")["orchestration"]}
    wanted = ["migrations", "control_canary", "volume_canary", "hypervisor_canary"]
    assert [name for name in steps if name in wanted] == wanted
    assert "cinder" in steps["migrations"]["pillar"]["migrate"]["controller"]
    assert steps["volume_canary"]["tgt"] == ["storage"]
    assert steps["volume_canary"]["sls"] == ["cinder_volume", "cinder_volume.health"]


def test_kernel_is_asked_for_volumes_before_anything_else_and_only_where_they_are(
    render: Any,
) -> None:
    for topology in EVERY:
        for name, answer in render(topology).items():
            if name == "orchestration":
                continue
            first, *rest = answer["sls"]["stage.prepare"]
            asked = {"storage": "cinder_volume", "compute1": "nova_compute"}.get(name)
            if topology == "volumes" and asked:
                assert first == f"{asked}_kernel_capable"
            else:
                assert "kernel_capable" not in json.dumps([first, *rest]), (topology, name)


def test_nothing_of_volumes_is_where_no_node_keeps_them(render: Any) -> None:
    for topology in EVERY:
        answer = render(topology)
        found = {
            word: {
                name
                for name, one in answer.items()
                if name != "orchestration" and word in json.dumps([one["highstate"], one["files"]])
            }
            for word in ("[cinder]", "iscsid", "volumev3::internalURL", '\\"volume\\": 3')
        }
        on = {"controller", "compute1"} if topology == "volumes" else set()
        assert found["[cinder]"] == found["volumev3::internalURL"] == on, topology
        assert found["iscsid"] == on - {"controller"}, topology
        assert found['\\"volume\\": 3'] == on - {"compute1"}, topology


def test_volumes_are_handed_out_to_hypervisors_only(render: Any) -> None:
    answer = render("volumes")
    lines = answer["storage"]["files"]["/etc/region-firewall.nft"]
    (drop,) = [place for place, line in enumerate(lines) if "dport 3260" in line]
    accept = next(place for place, line in enumerate(lines) if "@management_nodes accept" in line)
    assert lines[drop].endswith("ip saddr != { 10.0.0.12, 10.0.0.13 } drop")
    assert drop < accept
    assert "3260" not in "".join(answer["compute1"]["files"]["/etc/region-firewall.nft"])
    conf = answer["storage"]["files"]["/etc/cinder/cinder.conf"]
    assert "target_ip_address = 10.0.0.12" in conf
    unit = [one for one in answer["storage"]["highstate"] if "tgt.service.d" in one["name"]]
    assert "--iscsi portal=10.0.0.12:3260" in json.dumps(unit)


def test_what_only_containers_need_is_not_on_machines(render: Any) -> None:
    """No setting says it: each node is asked (_modules/machine.py)."""
    container, machine = render("minimal")["compute1"], render("volumes")["compute1"]
    qemu, nova = "/etc/libvirt/qemu.conf", "/etc/nova/nova-compute.conf"
    assert 'security_driver = "none"' in container["files"][qemu]
    moves = ("default_tls", "migration_port")  # which both have
    assert not [line for line in machine["files"][qemu] if not line.startswith(("#", *moves))]
    assert {"virt_type = qemu", "cpu_mode = none"} <= {*container["files"][nova]}
    assert {"virt_type = kvm", "cpu_mode = host-model"} <= {*machine["files"][nova]}
    watching = "ExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x"
    assert watching in json.dumps(container["highstate"])
    assert "chronyd" not in json.dumps([one for one in machine["highstate"] if "contents" in one])
    for node, confined in ((container, False), (machine, True)):
        assert ("libvirt_service_profiles" in json.dumps(node["highstate"])) == confined
        assert ("<model>apparmor" in json.dumps(node["sls"]["libvirt.health"])) == confined


def test_machines_have_as_many_processes_as_they_are_fit_for_and_containers_the_least(
    render: Any,
) -> None:
    for topology, node, processes, workers in (
        ("minimal", "controller", 2, 1),
        ("volumes", "controller", 8, 8),  # 64 GiB
    ):
        files = render(topology)[node]["files"]
        assert f"processes = {processes}" in files["/etc/nova/nova-api-uwsgi.ini"]
        assert files["/etc/nova/nova.conf"].count(f"workers = {workers}") == 2
        assert f"workers = {workers}" in files["/etc/glance/glance-api.conf"]


def balanced(node: Any) -> dict[str, list[str]]:
    """The sections of a node's load balancer, KIND NAME, with their lines."""
    found: dict[str, list[str]] = {}
    for line in node["files"]["/etc/haproxy/haproxy.cfg"]:
        if line and not line.startswith((" ", "#")):
            found[line] = []
        elif line.strip() and not line.strip().startswith("#"):
            found[list(found)[-1]].append(line.strip())
    return found


@pytest.mark.parametrize(("topology", "node"), [("volumes", "controller"), ("ha", "controller2")])
def test_checks_of_the_load_balancer_do_not_wait_behind_work(
    render: Any, topology: str, node: str
) -> None:
    answer = render(topology)[node]
    sections = balanced(answer)
    checked = 0
    for path, lines in answer["files"].items():
        if "http-socket" not in "".join(lines):
            continue
        told = dict(line.split(" = ", 1) for line in lines if " = " in line)
        port, state = (told[key].rpartition(":")[2] for key in ("http-socket", "stats"))
        assert {"stats-http", "stats-no-cores"} <= told.keys(), path
        backend = next(lines for lines in sections.values() if any(f":{port} " in x for x in lines))
        asked = [line for line in backend if line.startswith("server ") and " check " in line]
        assert asked and all(line.endswith(f"check port {state}") for line in asked)
        assert "http-check expect string mountpoint" in backend, path
        at_once = int(told["processes"]) * int(told["threads"])
        (default,) = [line for line in backend if line.startswith("default-server")]
        assert default.endswith(f" maxconn {at_once}"), path
        checked += 1
    assert checked >= 7


@pytest.mark.parametrize(("topology", "node"), [("volumes", "controller"), ("ha", "controller2")])
def test_last_backend_of_a_service_is_never_taken_out(
    render: Any, topology: str, node: str
) -> None:
    backends = {
        name: lines
        for name, lines in balanced(render(topology)[node]).items()
        if name.startswith("backend ") and not name.startswith("backend inside-")
    }
    assert len(backends) >= 9
    for name, lines in backends.items():
        servers = [line.split() for line in lines if line.startswith("server ")]
        unchecked = [words for words in servers if "check" not in words and "backup" in words]
        always = {words[2] for words in unchecked}
        assert {words[2] for words in servers if "check" in words} == always, name


def test_storm_is_queued_by_who_asks_and_its_end_told_to_come_later(render: Any) -> None:
    sections = balanced(render("ha")["controller2"])
    text = "\n".join(sections["frontend compute"])
    assert "return status 429" in text and "{ queue(compute) ge 500 }" in text
    assert "track-sc0 req.hdr(X-Auth-Token)" in text
    assert "set-priority-offset sc0_conn_cur,mul(1000)" in text
    assert "timeout queue 10m" in sections["defaults"]


def test_instances_asked_for_at_once_go_to_several_hypervisors(render: Any) -> None:
    lines = {*render("minimal")["controller"]["files"]["/etc/nova/nova.conf"]}
    assert {"shuffle_best_same_weighed_hosts = true", "host_subset_size = 4"} <= lines
    assert {"io_ops_weight_multiplier = -2.0", "build_failure_weight_multiplier = 1.0"} <= lines


# Where it is not installed, the kitchen's suites try it: Salt asks it before a file goes live.
if shutil.which("haproxy"):

    @pytest.mark.parametrize(
        ("topology", "node"), [("volumes", "controller"), ("ha", "controller2")]
    )
    def test_load_balancer_takes_its_settings(
        render: Any, tmp_path: Path, topology: str, node: str
    ) -> None:
        pem = tmp_path / "region.pem"
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        words += ["-subj", "/CN=region", "-keyout", str(pem), "-out", str(tmp_path / "certificate")]
        subprocess.run(words, check=True, capture_output=True, timeout=60)
        pem.write_text((tmp_path / "certificate").read_text() + pem.read_text())
        text = "\n".join(render(topology)[node]["files"]["/etc/haproxy/haproxy.cfg"]) + "\n"
        for there, here in (("/etc/haproxy/region.pem", str(pem)), (" haproxy\n", " nogroup\n")):
            text = text.replace(there, here)
        file = tmp_path / "haproxy.cfg"
        file.write_text(text.replace("user nogroup", "user nobody"))
        done = subprocess.run(
            ["haproxy", "-c", "-f", file], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, "[WARNING]" in done.stderr) == (0, False), done.stderr
