"""What nodes are like: kernel, services, packages, and the files of states, secrets masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from deploykit.base.parallel import answers_of
from deploykit.nodes.inventory import Inventory
from deploykit.nodes.packages import packages_of
from deploykit.nodes.ssh import run_on

TIMEOUT = 120.0  # seconds
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class NodeFile:
    """A file as a node tells it. `kind`: file, folder, link, other or absent; `rights`: mode and
    owners; `lines` without secrets, those of a link where it leads."""

    kind: str
    rights: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Portrait:
    """One node: `packages` and their versions, `units` that are to run or failed and how they are,
    `files` by path."""

    kernel: str
    packages: Mapping[str, str]
    units: Mapping[str, str]
    files: Mapping[str, NodeFile]


def portraits(
    inventory: Inventory,
    files: Mapping[str, Mapping[str, bool]],
    key: bytes,
    words: Mapping[str, str],
) -> dict[str, Portrait]:
    """Look at the nodes that `files` names, side by side; nothing is changed there.

    `files`: node -> path -> whether what is in it may be shown. `words` are marks, made with `key`,
    of what is secret there, and whose they are. Raises NodeUnreachable, CommandFailed.
    """
    packages = packages_of(inventory, list(files))
    script = resources.files("deploykit.nodes").joinpath("portraying.py").read_text("utf-8")

    def look(name: str) -> Portrait:
        asked = json.dumps({"files": files[name], "key": key.hex(), "words": words})
        host = inventory.host(name)
        argv = ["python3", "-c", script]
        said = json.loads(run_on(host, inventory, argv, input=asked, timeout=TIMEOUT).stdout)
        return Portrait(
            kernel=said["kernel"],
            packages=packages[name].there,
            units=said["units"],
            files={path: _file(one) for path, one in said["files"].items()},
        )

    return answers_of(files, look, AT_ONCE)


def _file(told: Mapping[str, object]) -> NodeFile:
    lines = told.get("lines", ())
    assert isinstance(lines, list | tuple)
    return NodeFile(str(told["kind"]), str(told.get("rights", "")), tuple(map(str, lines)))
