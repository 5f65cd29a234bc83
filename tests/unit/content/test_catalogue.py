"""The catalogue's tool beside what others keep in the same keystone, which is a small one here.

It answers as keystone does: what was posted comes back with an id, what keystone does not know of a
description or the like included; an endpoint goes with its service.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonapi import JsonApi

TOOL = Path(__file__).resolve().parents[3] / "salt/states/keystone/files/catalogue.py"
ADMIN = "admin's own"
MARK = "Made by the content of the region RegionOne"
INTERFACES = ("admin", "internal", "public")
Thing = dict[str, Any]


class Keystone(ThreadingHTTPServer):
    """What it keeps, by kind; `changes` has every call that was no question."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.ids = map(str, itertools.count(1))
        self.kept: dict[str, list[Thing]] = {
            kind: [] for kind in ("projects", "roles", "users", "services", "endpoints", "regions")
        }
        self.roles: set[tuple[str, str, str]] = set()  # project, user, role
        self.changes: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v3"

    def add(self, kind: str, **values: Any) -> Thing:
        made = {"id": next(self.ids), **values}
        self.kept[kind].append(made)
        return made

    def named(self, kind: str, name: str) -> Thing:
        return next(one for one in self.kept[kind] if name in (one.get("name"), one.get("type")))

    def service(self, type: str, region: str, url: str, **more: Any) -> Thing:
        """A service of somebody, with the endpoints of a region."""
        made = self.add("services", type=type, name=type, enabled=True, **more)
        self.endpoints(made, region, url)
        return made

    def endpoints(self, service: Thing, region: str, url: str) -> None:
        for interface in INTERFACES:
            values = {"interface": interface, "region_id": region, "url": url, "enabled": True}
            self.add("endpoints", service_id=service["id"], **values)

    def urls(self, type: str) -> set[tuple[str, str]]:
        """(region, URL) of each endpoint of a service."""
        ids = {one["id"] for one in self.kept["services"] if one["type"] == type}
        found = [one for one in self.kept["endpoints"] if one["service_id"] in ids]
        return {(one["region_id"], one["url"]) for one in found}


class Api(JsonApi):
    server: Keystone

    def do_GET(self) -> None:
        kind = urlsplit(self.path).path.split("/")[2]
        if kind == "role_assignments":
            asked = parse_qs(urlsplit(self.path).query)
            who = (asked["scope.project.id"][0], asked["user.id"][0])
            found = [{"role": {"id": one[2]}} for one in self.server.roles if one[:2] == who]
        else:
            asked = parse_qs(urlsplit(self.path).query).get("domain_id")
            found = [
                one
                for one in self.server.kept[kind]
                if asked is None or one.get("domain_id", "default") in asked
            ]
        self.answer(200, {kind: found})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = self.path.split("/")[2]
        if kind == "auth":
            account = body["auth"]["identity"]["password"]["user"]
            known = {
                one["name"]: one["password"]
                for one in self.server.kept["users"]
                if one.get("domain_id", "default") == account["domain"]["id"]
            }
            good = {"admin": ADMIN, **known}.get(account["name"]) == account["password"]
            self.answer(201 if good else 401, {"token": {}}, {"X-Subject-Token": "token"})
            return
        with self.server.lock:
            values = body[kind[:-1]]
            made = self.server.add(kind, **values)
            what = made.get("name") or values.get("type") or values.get("interface")
            self.server.changes.append(f"POST {kind} {what}")
        self.answer(201, {kind[:-1]: made})

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        _, _, kind, id = self.path.split("/")
        with self.server.lock:
            (one,) = [one for one in self.server.kept[kind] if one["id"] == id]
            one.update(body[kind[:-1]])
            self.server.changes.append(f"PATCH {kind} {id}")
        self.answer(200, {})

    def do_PUT(self) -> None:
        _, _, _, project, _, user, _, role = self.path.split("/")
        with self.server.lock:
            self.server.roles.add((project, user, role))
            self.server.changes.append("PUT role")
        self.answer(204, None)

    def do_DELETE(self) -> None:
        _, _, kind, id = self.path.split("/")
        kept = self.server.kept
        with self.server.lock:
            self.server.changes.append(f"DELETE {kind} {id}")
            kept[kind] = [one for one in kept[kind] if one["id"] != id]
            if kind == "services":
                kept["endpoints"] = [one for one in kept["endpoints"] if one["service_id"] != id]
        self.answer(204, None)


@pytest.fixture
def keystone() -> Iterator[Keystone]:
    with Keystone() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def wanted(
    *types: str, absent: tuple[str, ...] = (), region: str = "RegionOne", public: str = ""
) -> Thing:
    """The services `types`, each as the account USER-of-it, and those that no node provides;
    `public` is the host of outsiders, if they have another."""
    return {
        "region": region,
        "services": {
            one: {
                "name": one,
                "user": f"user-{one}",
                "url": f"https://{region}/{one}",
                "public_url": f"https://{public or region}/{one}",
            }
            for one in types
        },
        "passwords": {f"user-{one}": f"password-{one}" for one in types},
        "absent": [{"type": one, "user": f"user-{one}"} for one in absent],
    }


def run(keystone: Keystone, how: str, what: Thing) -> tuple[int, str]:
    keystone.changes.clear()
    done = subprocess.run(
        [sys.executable, TOOL, how, keystone.url],
        env={
            "PYTHONPATH": os.environ["PYTHONPATH"],
            "KEYSTONE_PASSWORD": ADMIN,
            "KEYSTONE_PASSWORDS": json.dumps(what["passwords"]),
            "KEYSTONE_CATALOGUE": json.dumps({**what, "passwords": None}),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "password-" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def brought(keystone: Keystone, what: Thing) -> str:
    """`apply` succeeds, and then there is nothing left to do."""
    status, said = run(keystone, "apply", what)
    assert status == 0, said
    assert run(keystone, "check", what) == (0, "")
    assert keystone.changes == []
    return said


def test_outsiders_are_led_to_a_host_of_their_own_and_back_again(keystone: Keystone) -> None:
    def leads() -> dict[str, str]:
        return {one["interface"]: one["url"] for one in keystone.kept["endpoints"]}

    inside, outside = "https://RegionOne/compute", "https://cloud.test/compute"
    brought(keystone, wanted("compute"))
    said = brought(keystone, wanted("compute", public="cloud.test"))
    assert said == f"endpoint compute public: is {inside}\n"
    assert leads() == {"admin": inside, "internal": inside, "public": outside}
    brought(keystone, wanted("compute"))
    assert leads() == dict.fromkeys(INTERFACES, inside)


def test_services_and_accounts_come_marked_and_go_with_their_role(keystone: Keystone) -> None:
    brought(keystone, wanted("compute", "volumev3"))
    assert keystone.urls("volumev3") == {("RegionOne", "https://RegionOne/volumev3")}
    assert {one["description"] for one in keystone.kept["services"]} == {MARK}
    brought(keystone, wanted("compute", absent=("volumev3",)))
    assert [one["type"] for one in keystone.kept["services"]] == ["compute"]
    assert [one["name"] for one in keystone.kept["users"]] == ["user-compute"]
    assert keystone.urls("volumev3") == set()
    assert len(keystone.kept["endpoints"]) == len(INTERFACES)


def test_check_changes_nothing_and_names_the_difference(keystone: Keystone) -> None:
    status, said = run(keystone, "check", wanted("compute"))
    assert (status, said) == (1, "region RegionOne: missing\n")
    assert keystone.changes == []


def test_service_and_account_of_somebody_else_stay_where_no_node_provides_them(
    keystone: Keystone,
) -> None:
    keystone.service("volumev3", "RegionOne", "https://elsewhere/v3")
    keystone.add("users", name="user-volumev3", password="theirs")
    brought(keystone, wanted("compute", absent=("volumev3",)))
    assert keystone.urls("volumev3") == {("RegionOne", "https://elsewhere/v3")}
    assert keystone.named("users", "user-volumev3")["password"] == "theirs"


def test_endpoints_of_another_region_stay_as_they_are(keystone: Keystone) -> None:
    keystone.service("compute", "RegionTwo", "https://two/compute", description="two's")
    brought(keystone, wanted("compute"))
    both = {("RegionTwo", "https://two/compute"), ("RegionOne", "https://RegionOne/compute")}
    assert keystone.urls("compute") == both
    assert keystone.named("services", "compute")["description"] == "two's"
    brought(keystone, wanted("image", absent=("compute",)))
    assert keystone.urls("compute") == {("RegionTwo", "https://two/compute")}


def test_service_that_another_region_uses_stays_when_the_one_that_made_it_leaves(
    keystone: Keystone,
) -> None:
    brought(keystone, wanted("compute"))
    keystone.endpoints(keystone.named("services", "compute"), "RegionTwo", "https://two/compute")
    brought(keystone, wanted("image", absent=("compute",)))
    assert keystone.urls("compute") == {("RegionTwo", "https://two/compute")}


def test_password_of_an_account_that_is_not_ours_is_not_changed(keystone: Keystone) -> None:
    keystone.add("users", name="user-compute", password="theirs")
    status, said = run(keystone, "apply", wanted("compute"))
    assert status == 1
    assert f"openstack user set --description '{MARK}' user-compute" in said
    assert keystone.named("users", "user-compute")["password"] == "theirs"
    assert keystone.kept["services"] == []
    keystone.named("users", "user-compute")["description"] = MARK
    brought(keystone, wanted("compute"))
    assert keystone.named("users", "user-compute")["password"] == "password-compute"


def test_password_that_was_rotated_reaches_our_account(keystone: Keystone) -> None:
    brought(keystone, wanted("compute"))
    new = wanted("compute")
    new["passwords"]["user-compute"] = "password-anew"
    brought(keystone, new)
    assert keystone.named("users", "user-compute")["password"] == "password-anew"


def without_marks(keystone: Keystone) -> None:
    """All that is there, as a release from before the marks had made it."""
    for one in [one for things in keystone.kept.values() for one in things]:
        one.pop("description", None)


def test_what_a_region_made_before_there_were_marks_gets_them_and_nothing_else(
    keystone: Keystone,
) -> None:
    brought(keystone, wanted("compute", "volumev3"))
    without_marks(keystone)
    keystone.service("object-store", "RegionOne", "https://elsewhere/swift")
    status, said = run(keystone, "check", wanted("compute", "volumev3"))
    assert (status, keystone.changes) == (1, [])
    assert "is the region's, and not marked so" in said
    assert run(keystone, "apply", wanted("compute", "volumev3"))[0] == 0
    assert {change.split()[0] for change in keystone.changes} == {"PATCH"}
    brought(keystone, wanted("compute", absent=("volumev3", "object-store")))
    left = {one["type"] for one in keystone.kept["services"]}
    assert left == {"compute", "object-store"}
    assert [one["name"] for one in keystone.kept["users"]] == ["user-compute"]


def test_what_was_made_before_marks_stays_where_its_role_goes_with_the_upgrade(
    keystone: Keystone,
) -> None:
    brought(keystone, wanted("compute", "volumev3"))
    without_marks(keystone)
    brought(keystone, wanted("compute", absent=("volumev3",)))
    assert keystone.urls("volumev3") == {("RegionOne", "https://RegionOne/volumev3")}
    assert keystone.named("users", "user-volumev3")["password"] == "password-volumev3"


def test_service_made_before_marks_is_told_from_another_of_its_type(keystone: Keystone) -> None:
    theirs = keystone.add("services", type="compute", name="theirs", enabled=True)
    keystone.endpoints(theirs, "RegionTwo", "https://two/compute")
    ours = keystone.service("compute", "RegionOne", "https://RegionOne/compute")
    brought(keystone, wanted("compute"))
    assert ours["description"] == MARK
    assert "description" not in theirs
    assert len(keystone.kept["endpoints"]) == 2 * len(INTERFACES)


def test_twin_of_an_endpoint_without_the_mark_is_not_taken_away(keystone: Keystone) -> None:
    brought(keystone, wanted("compute"))
    twin = {**keystone.kept["endpoints"][0], "id": "twin"}
    for described in (None, "for the old clients"):
        keystone.add("endpoints", **{**twin, "id": f"twin {described}", "description": described})
    brought(keystone, wanted("compute"))
    assert len(keystone.kept["endpoints"]) == len(INTERFACES) + 2


def test_endpoint_that_somebody_described_is_good_where_it_leads_here(keystone: Keystone) -> None:
    service = keystone.service("compute", "RegionOne", "https://RegionOne/compute")
    for one in keystone.kept["endpoints"]:
        one["description"] = "made by hand"
    brought(keystone, wanted("compute"))
    assert {one["description"] for one in keystone.kept["endpoints"]} == {"made by hand"}
    brought(keystone, wanted("image", absent=("compute",)))
    assert len([one for one in keystone.kept["endpoints"] if one["service_id"] == service["id"]])


def test_account_of_the_same_name_in_another_domain_is_left_alone(keystone: Keystone) -> None:
    theirs = keystone.add(
        "users", name="user-compute", password="theirs", domain_id="staff", description="Jo"
    )
    project = keystone.add("projects", name="service", domain_id="staff")
    before = dict(theirs)
    brought(keystone, wanted("compute"))
    assert theirs == before
    (made,) = [one for one in keystone.kept["users"] if one is not theirs]
    assert (made["domain_id"], made["password"]) == ("default", "password-compute")
    assert not [one for one in keystone.roles if one[0] == project["id"] or one[1] == theirs["id"]]
    brought(keystone, wanted("image", absent=("compute",)))
    assert theirs in keystone.kept["users"]


def test_endpoint_of_this_region_that_leads_elsewhere_is_led_here(keystone: Keystone) -> None:
    brought(keystone, wanted("compute"))
    keystone.kept["endpoints"][0]["url"] = "https://old/compute"
    assert "is https://old/compute" in brought(keystone, wanted("compute"))
    assert keystone.urls("compute") == {("RegionOne", "https://RegionOne/compute")}


def test_endpoint_of_somebody_else_is_not_led_here(keystone: Keystone) -> None:
    keystone.service("volumev3", "RegionOne", "https://elsewhere/v3")
    status, said = run(keystone, "apply", wanted("volumev3"))
    assert status == 1
    (first, *_) = [one["id"] for one in keystone.kept["endpoints"]]
    assert f"openstack endpoint delete {first}" in said
    assert keystone.urls("volumev3") == {("RegionOne", "https://elsewhere/v3")}
    assert "PATCH" not in "".join(keystone.changes)


def test_endpoint_that_stands_twice_stands_once(keystone: Keystone) -> None:
    brought(keystone, wanted("compute"))
    keystone.add("endpoints", **{**keystone.kept["endpoints"][0], "id": "twin"})
    assert "one too many" in brought(keystone, wanted("compute"))
    assert len(keystone.kept["endpoints"]) == len(INTERFACES)


def test_service_of_somebody_else_without_endpoints_stays(keystone: Keystone) -> None:
    keystone.add("services", type="volumev3", name="theirs", enabled=True)
    brought(keystone, wanted("compute", absent=("volumev3",)))
    assert keystone.named("services", "volumev3")["name"] == "theirs"
