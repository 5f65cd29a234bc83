"""A small keystone, and the kinds of a cloud's tool (salt/states/cloud/files) that ask it."""

from __future__ import annotations

import copy
import importlib
import itertools
import sys
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

STATES = Path(__file__).resolve().parents[2] / "salt/states"
FOLDERS = [str(STATES / folder) for folder in ("cloud/files", "lib/files")]
OURS = ("contract", "directories", "domains", "providers", "session")
MARK = "Made by the content of the region RegionOne"
FEDERATION = "/OS-FEDERATION/"
Thing = dict[str, Any]


class Keystone:
    """Answers what the tool asks; `said` has every call that was no question."""

    def __init__(self) -> None:
        self.ids = map(str, itertools.count(1))
        self.kept: dict[str, list[Thing]] = {
            "domains": [{"id": "default", "name": "Default", "enabled": True, "description": ""}],
            "projects": [],
            "groups": [],
            "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "reader"}],
        }
        self.configs: dict[str, Thing] = {}
        self.federation: dict[str, Thing] = {}  # by path: providers, mappings, protocols
        self.grants: set[str] = set()
        self.said: list[str] = []

    def get(self, service: str, path: str, headers: Any = (), **query: Any) -> Thing:
        assert service == "identity"
        kind = path.strip("/").split("/")[0]
        if path.startswith(FEDERATION):
            return self.federated(path)
        if path.endswith("/config"):
            if path not in self.configs:
                raise urllib.error.HTTPError(path, 404, "Not Found", Message(), None)
            config = copy.deepcopy(self.configs[path])
            config["ldap"].pop("password", None)
            return {"config": config}
        if kind == "role_assignments":
            start = f"/projects/{query['scope.project.id']}/groups/{query['group.id']}/roles/"
            held = [one.removeprefix(start) for one in self.grants if one.startswith(start)]
            return {kind: [{"role": {"id": one}} for one in held]}
        found = [
            one
            for one in self.kept[kind]
            if all(one.get(key) == value for key, value in query.items())
        ]
        return {kind: copy.deepcopy(found)}

    def federated(self, path: str) -> Thing:
        kind = path.rsplit("/", 1)[-1]
        if kind == "identity_providers":
            below = [one for place, one in self.federation.items() if place.count("/") == 3]
            return {kind: [copy.deepcopy(one) for one in below if "remote_ids" in one]}
        if path not in self.federation:
            raise urllib.error.HTTPError(path, 404, "Not Found", Message(), None)
        word = {"protocols": "protocol", "mappings": "mapping"}
        return {word.get(path.split("/")[-2], "identity_provider"): self.federation[path]}

    def post(self, service: str, path: str, body: Thing, headers: Any = ()) -> Thing:
        ((word, values),) = body.items()
        self.said.append(f"POST {path} {values['name']}")
        made = {"id": next(self.ids), **values}
        self.kept[path.strip("/")].append(made)
        return {word: dict(made)}

    def patch(self, service: str, path: str, body: Thing, headers: Any = ()) -> Thing:
        ((word, values),) = body.items()
        self.said.append(f"PATCH {path} {' '.join(values)}")
        if path.startswith(FEDERATION):
            self.federation[path].update(values)
            return {word: self.federation[path]}
        (one,) = [one for one in self.kept["domains"] if path.endswith(f"/{one['id']}")]
        one.update(values)
        return {word: dict(one)}

    def put(self, service: str, path: str, body: Thing | None, headers: Any = ()) -> None:
        self.said.append(f"PUT {path}")
        if body is None:
            self.grants.add(path)
        elif path.startswith(FEDERATION):
            ((_, values),) = body.items()
            self.federation[path] = {"id": path.rsplit("/", 1)[-1], **copy.deepcopy(values)}
        else:
            self.configs[path] = copy.deepcopy(body["config"])

    def delete(self, service: str, path: str, headers: Any = ()) -> None:
        self.said.append(f"DELETE {path}")
        self.grants.discard(path)

    def domain(self, name: str) -> Thing:
        return next(one for one in self.kept["domains"] if one["name"] == name)


class Tool:
    """One kind of a cloud's things, of the files that go to nodes."""

    def __init__(self, kind: str, modules: dict[str, Any]) -> None:
        self.keystone = Keystone()
        self._kind, self._modules = modules[kind], modules
        self.Foreign, self.Different = modules["contract"].Foreign, modules["contract"].Different

    def bring(self, dry: bool = False, password: str = "told", **wanted: Thing) -> list[str]:
        """Bring it about: the calls that changed something."""
        passwords = dict.fromkeys(wanted, password) if password else {}
        cloud = self._modules["contract"].Cloud(self.keystone, "RegionOne", dry, passwords)
        self.keystone.said.clear()
        self._kind.bring(cloud, wanted)
        return list(self.keystone.said)


@contextmanager
def tool_of(kind: str) -> Iterator[Tool]:
    """The tool for one kind; its modules are nobody else's afterwards."""
    sys.path[:0] = FOLDERS
    before = {name: sys.modules.pop(name, None) for name in OURS}
    try:
        yield Tool(kind, {name: importlib.import_module(name) for name in OURS})
    finally:
        for folder in FOLDERS:
            sys.path.remove(folder)
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
