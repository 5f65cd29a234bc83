"""What a release would make otherwise than what runs: both rendered, and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deploykit.base.errors import CommandFailed, DeployKitError, InputError
from deploykit.base.parallel import in_parallel
from deploykit.base.progress import Progress, Silent
from deploykit.logs.masking import masked
from deploykit.preview import Rendered, render_release, roles_of
from deploykit.preview.differences import FAILED, ORCHESTRATION, compare, unrendered
from deploykit.preview.pieces import OTHER, named_files, owner, states_of
from deploykit.preview.places import Place, place_of, place_of_roles
from deploykit.release import Release
from deploykit.release.states import StatesChange, Unrendered
from deploykit.site import Site
from deploykit.site.environment import Environment

STATES = Path("salt", "states")
TEXT = 64 * 2**10  # bytes of a file that is compared by its lines


def read_states(
    site: Site,
    over: Release | None,
    release: Release,
    environment: Environment | None,
    progress: Progress | None = None,
) -> StatesChange | None:
    """How `release` differs from `over` on the nodes of `environment`, or on one of each stage.

    None if there is nothing to compare: no release before, the same one, content without roles.
    What does not render is told, not raised. Raises GitshelfError where a kit cannot be unpacked.
    """
    if over is None or over.digest == release.digest:
        return None
    roles = roles_of(site, over), roles_of(site, release)
    if not all(roles):
        return None
    name = environment.name if environment else ""
    place = place_of(environment) if environment else place_of_roles(roles[1])
    sides: list[Rendered | InputError] = []
    try:
        with (progress or Silent()).step(f"what Salt makes of {over.version}, {release.version}"):
            sides = in_parallel(
                [(over, True), (release, False)], lambda side: _side(site, side[0], place, side[1])
            )
    except DeployKitError as error:
        return StatesChange(name, missing=_said(error))
    kinds = tuple(place.kinds.items())
    before, after = sides
    refused = [
        Unrendered(one.version, "", _said(side))
        for one, side in ((over, before), (release, after))
        if isinstance(side, InputError)
    ]
    if isinstance(before, InputError) or isinstance(after, InputError):
        return StatesChange(name, kinds, failed=tuple(refused))
    components = {
        role: {*before.components.get(role, ()), *after.components.get(role, ())}
        for role in {*before.components, *after.components}
    }
    failed = (
        *unrendered(over.version, before.nodes),
        *unrendered(release.version, after.nodes),
    )
    changes = compare(before.nodes, after.nodes, dict(kinds), components)
    return StatesChange(name, kinds, changes, failed)


def _side(site: Site, release: Release, place: Place, older: bool) -> Rendered | InputError:
    """One side, with what states copy; an InputError is what its content or settings are."""
    try:
        rendered = render_release(site, release, place, older=older)
    except InputError as error:
        return error
    parts = {part for named in rendered.components.values() for part in named}
    states = release.place(site) / STATES
    for node, answer in rendered.nodes.items():
        if node != ORCHESTRATION and FAILED not in answer:
            answer["copied"] = _copied(answer, states, parts)
    return rendered


def _copied(
    node: dict[str, Any], states: Path, components: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Whose it is and what is in it, of each file that a node's states name and do not render, and
    of the state modules that they are made by."""
    found: dict[str, tuple[str, str]] = {}
    for state in states_of(node):
        module = f"_states/{state['state']}.py"
        if text := _content(states, module):
            found[module] = (OTHER, text)
        if state["name"] not in node["files"]:
            for name in named_files(state):
                path = name.removeprefix("salt://").split("?")[0]
                found[name] = (owner(state["__id__"], components), _content(states, path))
    return found


def _content(states: Path, name: str) -> str:
    """The text of a file below `states`, or else the digest of what it is; '' of anything else: the
    name is the release's."""
    path = (states / name).resolve()
    if not path.is_relative_to(states.resolve()):
        return ""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return "".join(f"{file.relative_to(path)} {_digest(file.read_bytes())}\n" for file in files)
    if not path.is_file():
        return ""
    raw = path.read_bytes()
    try:
        return raw.decode() if len(raw) <= TEXT else f"SHA-256 {_digest(raw)}"
    except UnicodeDecodeError:
        return f"SHA-256 {_digest(raw)}"


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _said(error: DeployKitError) -> str:
    more = "" if isinstance(error, CommandFailed) or not error.remedy else f"; {error.remedy}"
    return " ".join(masked(f"{error.message}{more}").split())
