"""What Salt makes of the content of a checkout: rendered once on a machine, and kept.

Kept in the cache, topology by topology, under a digest of all that goes in: the content, what
renders it, Salt's lock. The tests of the content read it, and rendereddiff.py compares two of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from deploykit.affected import MASTER_PILLAR
from deploykit.base.errors import InputError
from deploykit.base.filelock import locked
from deploykit.base.files import write
from deploykit.base.homes import cache_home
from deploykit.master.remote import environment, rolemap
from deploykit.mirror.wheelstore import own_lock
from deploykit.preview.pieces import named_files, states_of
from rendering import SCRIPT, read_role_map, render_topology, salt_of_the_image
from topologies import TOPOLOGIES, Topology

# What is rendered.
STATES = "salt/states"
CONTENT = (STATES, "salt/pillar", "salt/orchestrate", "salt/roles.yml", MASTER_PILLAR)
# What renders it.
OWN = ("rendered.py", "rendering.py", "topologies.py")
TOOLS = [Path(__file__).with_name(name) for name in OWN]
TOOLS += [SCRIPT, *(Path(str(module.__file__)) for module in (environment, rolemap))]
NO_COMPONENTS = ("_modules", "_states", "lib", "stage")
KEPT = 20  # sides in the cache: those used last
PATIENCE = 900.0  # seconds for another process to render the same

Nodes = Mapping[str, Any]  # by node, as saltside.py answers, and `sources`


@dataclass(frozen=True, slots=True)
class Side:
    """One content rendered: its components, and what its nodes get, by topology."""

    components: frozenset[str]
    topologies: Mapping[str, Nodes]


def render_side(checkout: Path, names: Collection[str] = tuple(TOPOLOGIES)) -> Side:
    """The content of `checkout` rendered for the topologies `names`, from the cache if it is there.

    Raises AssertionError with what Salt said, TimeoutExpired, DeployKitError.
    """
    key = digest(checkout)
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda name: render(checkout, name, key), names)
        topologies = dict(zip(names, answers, strict=True))
    return Side(frozenset(components_of(checkout)), topologies)


def render(checkout: Path, name: str, key: str) -> Nodes:
    """The content of `checkout`, whose digest is `key`, rendered for the topology `name`.

    Processes that ask for the same at the same time render it once. Raises as `render_side`.
    """
    folder = cache_home() / "rendered" / key
    file = folder / f"{name}.json"
    if not file.is_file():
        with locked(folder / f"{name}.lock", timeout=PATIENCE):
            if not file.is_file():
                answer = render_now(checkout, name)
                if digest(checkout) != key:  # edited meanwhile: nobody knows what this is of
                    return answer
                write(file, json.dumps(answer))
                prune(folder.parent)
    os.utime(folder)
    nodes: Nodes = json.loads(file.read_text(encoding="utf-8"))
    return nodes


def render_now(checkout: Path, name: str) -> Nodes:
    role_map = read_role_map(checkout)
    topology = fitting(TOPOLOGIES[name], role_map["roles"])
    packages = salt_of_the_image()
    with tempfile.TemporaryDirectory(prefix="rendered-") as scratch:
        answer = render_topology(checkout, topology, role_map, packages, Path(scratch))
    for node in answer.values():
        if isinstance(node, dict):  # the orchestration is a list
            node["sources"] = sources(node, checkout / STATES)
    return answer


def fitting(topology: Topology, roles: Iterable[str]) -> Topology:
    """`topology` without roles that the content of one side does not have."""
    nodes = {name: [role for role in own if role in roles] for name, own in topology.nodes.items()}
    return replace(topology, nodes={name: own for name, own in nodes.items() if own})


def prune(folder: Path) -> None:
    """Forget all but the sides that were used last."""
    with locked(folder / "lock", timeout=60):
        sides = [side for side in folder.iterdir() if side.is_dir()]
        for old in sorted(sides, key=lambda side: side.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def digest(checkout: Path) -> str:
    """Of the content of `checkout` and of all that renders it."""
    content_sum = sha256(f"{sysconfig.get_python_version()}\n{own_lock().text}".encode())
    for file in TOOLS:
        content_sum.update(f"{file.name} {file_digest(file)}\n".encode())
    for part in CONTENT:
        for file in [checkout / part, *sorted((checkout / part).rglob("*"))]:
            if file.is_file() and "__pycache__" not in file.parts:
                content_sum.update(f"{file.relative_to(checkout)} {file_digest(file)}\n".encode())
    return content_sum.hexdigest()


def file_digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def components_of(checkout: Path) -> list[str]:
    folders = (path for path in (checkout / STATES).glob("[!_.]*") if path.is_dir())
    return sorted({path.name for path in folders} - {*NO_COMPONENTS})


def sources(node: Mapping[str, Any], states: Path) -> dict[str, str]:
    """Digest of each file that the states of a node name as salt://, and of our state modules.

    Each module has the digest of all, since they call each other.
    """
    modules = sorted((states / "_states").glob("*.py"))
    called = sorted((states / "_modules").glob("*.py"))
    together = sha256(b"".join(module.read_bytes() for module in [*modules, *called])).hexdigest()
    digests = {f"_states/{module.name}": together for module in modules}
    for state in states_of(node):
        for name in named_files(state):
            file = states / name.removeprefix("salt://").split("?")[0]
            digests[name] = file_digest(file) if file.is_file() else ""
    return digests


@contextmanager
def content_of(checkout: Path, revision: str) -> Iterator[Path]:
    """The content of a commit, in a folder that is there within the block.

    Raises InputError if there is no such commit, or no content in it.
    """
    with tempfile.TemporaryDirectory(prefix="revision-") as scratch:
        archive, folder = Path(scratch) / "content.tar", Path(scratch) / "content"
        folder.mkdir()
        for words in (
            ["git", "-C", checkout, "archive", "-o", archive, revision, "--", *CONTENT],
            ["tar", "-xf", archive, "-C", folder],
        ):
            done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise InputError(f"{revision}: {done.stderr.strip()}")
        yield folder
