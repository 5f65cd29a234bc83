"""The message queue's accounts: what is there is compared with what services have."""

from __future__ import annotations

import base64
import hashlib
import runpy
from pathlib import Path
from typing import Any

import pytest

ACCOUNTS = {"nova": "first", "neutron": "second"}
RIGHTS = {"configure": ".*", "write": ".*", "read": ".*"}


@pytest.fixture
def tool(checkout: Path) -> dict[str, Any]:
    return runpy.run_path(str(checkout / "salt/states/rabbitmq/files/accounts.py"))


def broker(tool: dict[str, Any], *, shared: bool = False) -> dict[str, Any]:
    """The definitions of a broker to which everything was brought."""
    found: dict[str, Any] = tool["definitions"](ACCOUNTS, shared)
    return found | {"queues": []}


def user(name: str, tags: list[str]) -> dict[str, Any]:
    return {"name": name, "password_hash": "AAAA", "tags": tags}


def test_password_is_kept_as_brokers_keep_it(tool: dict[str, Any]) -> None:
    kept = base64.b64decode(tool["hashed"]("hidden", b"salt"))
    assert kept == b"salt" + hashlib.sha256(b"salthidden").digest()
    assert tool["fits"](tool["hashed"]("hidden"), "hidden")
    assert not tool["fits"](tool["hashed"]("hidden"), "Hidden")
    assert not tool["fits"]("no base64", "hidden")


@pytest.mark.parametrize("shared", [False, True])
def test_broker_that_got_everything_lacks_nothing_and_has_nothing_to_spare(
    tool: dict[str, Any], *, shared: bool
) -> None:
    found = broker(tool, shared=shared)
    assert tool["lacking"](found, ACCOUNTS, shared) == []
    assert tool["spare"](found, ACCOUNTS, shared) == []


def test_what_a_service_lacks_is_told_in_words_and_no_password_is(tool: dict[str, Any]) -> None:
    found = broker(tool)
    found["users"][0]["password_hash"] = tool["hashed"]("another")
    found["users"][1]["tags"] = ["administrator"]
    found["vhosts"].pop(0)
    found["permissions"][0]["write"] = "^$"
    assert tool["lacking"](found, ACCOUNTS, False) == [
        "password of nova",
        "virtual host nova",
        "rights of nova in nova",
        "neutron is ['administrator']",
    ]
    assert tool["lacking"](broker(tool) | {"users": []}, ACCOUNTS, False)[0] == "account nova"


def test_services_share_the_common_host_until_the_last_of_before_is_gone(
    tool: dict[str, Any],
) -> None:
    before = {
        "users": [user("openstack", ["administrator"])],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "openstack", "vhost": "/", **RIGHTS}],
        "queues": [{"name": "conductor", "vhost": "/"}],
    }
    assert tool["spare"](before, ACCOUNTS, True) == []
    meanwhile = broker(tool, shared=True)
    for key in before:
        meanwhile[key] = [*meanwhile[key], *before[key]]
    assert tool["lacking"](meanwhile, ACCOUNTS, True) == []
    assert tool["spare"](meanwhile, ACCOUNTS, False) == [
        ("clear_permissions", "-p", "/", "nova"),
        ("clear_permissions", "-p", "/", "neutron"),
        ("delete_user", "openstack"),
        ("delete_vhost", "/"),
        ("add_vhost", "/"),
    ]


def test_accounts_of_others_stay_and_so_do_their_queues(tool: dict[str, Any]) -> None:
    found = broker(tool)
    found["users"] += [user("guest", []), user("somebody", ["administrator"])]
    found["permissions"].append({"user": "somebody", "vhost": "/", **RIGHTS})
    found["queues"].append({"name": "theirs", "vhost": "/"})
    assert tool["spare"](found, ACCOUNTS, False) == [("delete_user", "guest")]
