"""Which packages go with a component, and which something on the node still needs."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from loosemodule import module_of

UNDO = Path(__file__).resolve().parents[3] / "salt/states/lib/files/undo.py"


@pytest.fixture(scope="module")
def undo() -> ModuleType:
    return module_of(UNDO)


def nobody(name: str) -> set[str]:
    return set()


def test_packages_that_nothing_needs_are_purged(undo: ModuleType) -> None:
    there = {"memcached": "installed", "gawk": "installed"}
    assert undo.plan(there, ["memcached", "bash"], nobody) == (["gawk", "memcached"], [])


def test_package_that_another_service_needs_is_left_to_apt(undo: ModuleType) -> None:
    there = {"rsyslog": "installed", "logrotate": "installed"}
    manual = ["rsyslog", "logrotate", "rabbitmq-server"]
    who = {"logrotate": {"rabbitmq-server"}, "rsyslog": set()}
    assert undo.plan(there, manual, who.__getitem__) == (["rsyslog"], ["logrotate"])


def test_package_that_only_goes_along_or_was_never_asked_for_keeps_nothing(
    undo: ModuleType,
) -> None:
    there = {"neutron-l3-agent": "installed", "keepalived": "installed"}
    who = {"keepalived": {"neutron-l3-agent", "python3-neutron"}, "neutron-l3-agent": set()}
    purged, left = undo.plan(there, [*there, "bash"], who.__getitem__)
    assert (purged, left) == (["keepalived", "neutron-l3-agent"], [])


def test_library_is_left_to_apt_once(undo: ModuleType) -> None:
    there = {"python3-amqp": "installed", "uwsgi-plugin-python3": "installed"}
    assert undo.plan(there, list(there), nobody) == ([], sorted(there))
    assert undo.plan(there, [], nobody) == ([], [])


def test_rest_of_a_removed_package_is_purged_whoever_needed_it(undo: ModuleType) -> None:
    there = {"haproxy": "config-files", "python3-amqp": "config-files"}
    assert undo.plan(there, ["neutron-l3-agent"], lambda _: {"neutron-l3-agent"})[0] == sorted(
        there
    )


def test_no_packages_are_none_and_not_all_of_the_node(
    undo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "run", lambda *_, **__: "bash installed\n")
    assert undo.states([]) == {}
    assert undo.states(["bash"]) == {"bash": "installed"}


def test_those_who_need_a_package_are_read_from_apts_own_words(
    undo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "logrotate\nReverse Depends:\n  rabbitmq-server\n |libvirt-daemon-system\n"
    monkeypatch.setattr(undo, "run", lambda *_, **__: told)
    assert undo.needing("logrotate") == {"rabbitmq-server", "libvirt-daemon-system"}
