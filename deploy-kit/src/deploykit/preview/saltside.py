"""Renders a release's content with Salt's own renderers; run by Salt's Python, prints JSON.

saltside.py KIT EXTMODS PILLARS SCRATCH: KIT holds salt/, EXTMODS the master's own modules,
PILLARS one <minion id>.json each as the master's agent writes it, and whole.json. Answers per
minion: its highstate, and in which SLS each of its ids is (`places`); every other SLS as low data;
each file rendered from a template; its pillar without secrets. Or, alone, as `failed`, why it does
not render. For the whole: the steps of the orchestration.

Nothing of this machine is asked: grains are those of whole.json and no others, so that the same
content gives the same answer everywhere, as far as its modules ask nothing either.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import salt.client
import salt.config
import salt.loader
import salt.utils.secret

ENV = "kit"
# states/stage: named here by their states' ids alone
STAGES = ("foundation", "control", "rest", "settled")
USUAL = {"init", "package", "config", "service"}  # what a component's init includes
OWN_KEYS = {"__env__", "__sls__", "__sls_included_from__", "order"}  # Salt's, of a state

State = dict[str, Any]

compile_template = jinja2.Environment.compile
compiled_templates: dict[tuple[Any, ...], Any] = {}  # by text and name


class Unrenderable(Exception):
    """What does not render, in Salt's words."""


def compile_once(
    environment: Any,
    source: Any,
    name: Any = None,
    filename: Any = None,
    raw: bool = False,
    defer_init: bool = False,
) -> Any:
    """Environment.compile, of the same text once: the settings of Salt's environments are equal."""
    if raw or not isinstance(source, str):
        return compile_template(environment, source, name, filename, raw, defer_init)  # type: ignore
    key = (source, name, filename)
    if key not in compiled_templates:
        made = compile_template(environment, source, name, filename)
        compiled_templates[key] = made
    return compiled_templates[key]


def options(folders: dict[str, Path], minion: str, grains: dict[str, Any]) -> dict[str, Any]:
    """The configuration of one minion that asks no master."""
    scratch, kit = folders["scratch"], folders["kit"]
    opts: dict[str, Any] = salt.config.DEFAULT_MINION_OPTS.copy()
    opts.update(
        id=minion,
        file_client="local",
        saltenv=ENV,
        pillarenv=ENV,
        root_dir=str(scratch),
        cachedir=str(scratch / "cache" / minion),
        pki_dir=str(scratch / "pki"),
        sock_dir=str(scratch / "sock"),
        log_file=str(scratch / "log"),
        conf_file=str(scratch / "minion"),
        extension_modules=str(folders["extmods"]),
        file_roots={ENV: [f"{kit}/salt/states", f"{kit}/salt/orchestrate"]},
        pillar_roots={ENV: [f"{kit}/salt/pillar"]},
        ext_pillar_first=True,
        ext_pillar=[{"environment": str(folders["pillars"])}],
        fileserver_followsymlinks=False,
        enable_fqdns_grains=False,
        enable_gpu_grains=False,
        grains=grains,
    )
    return opts


def compiled(caller: Any, sls: Any, **kwargs: Any) -> list[State]:
    """The states of `sls` and of what they include, in their order, as Salt compiles them."""
    answer = caller.cmd("state.show_low_sls", sls, saltenv=ENV, pillarenv=ENV, **kwargs)
    if not all(isinstance(state, dict) for state in answer):
        said = "\n".join(map(str, answer)) if isinstance(answer, list) else str(answer)
        raise Unrenderable(f"{sls} does not render: {said}")
    return list(answer)


def plain(state: State) -> State:
    """A state without Salt's own keys."""
    return {key: state[key] for key in sorted(state) if key not in OWN_KEYS}


def low(caller: Any, sls: list[str], **kwargs: Any) -> list[State]:
    """The states of `sls` in their order: one dictionary each."""
    return [plain(state) for state in compiled(caller, sls, **kwargs)]


def low_by_sls(caller: Any, names: list[str]) -> dict[str, list[State]]:
    """The own states of each SLS of `names`, without what it includes; rendered all at once.

    One that has none for this minion is left out.
    """
    states_of: dict[str, list[State]] = {name: [] for name in names}
    for state in compiled(caller, names) if names else ():
        if state["__sls__"] in states_of:
            states_of[state["__sls__"]].append(plain(state))
    return {name: states for name, states in states_of.items() if states}


def templates(caller: Any, states: Iterable[State]) -> dict[str, list[str]]:
    """The text of each template that a file.managed state names, by destination."""
    return {
        state["name"]: caller.cmd(
            "slsutil.renderer", path=state["source"], default_renderer="jinja", saltenv=ENV
        ).splitlines()
        for state in states
        if state["state"] == "file" and state.get("template") == "jinja"
    }


def stages(caller: Any) -> dict[str, list[str]]:
    """The ids of the states of each stage."""
    told = {
        f"stage.{stage}": [state["__id__"] for state in low(caller, [f"stage.{stage}"])]
        for stage in STAGES
    }
    # What it does beyond that depends on the packages of this very machine.
    prepared = [state["__id__"] for state in low(caller, ["stage.prepare"])]
    told["stage.prepare"] = [state for state in prepared if not state.startswith("stage_prepare_")]
    return told


def render_minion(folders: dict[str, Path], name: str, whole: dict[str, Any]) -> dict[str, Any]:
    """What Salt makes of the content for one minion. Raises Unrenderable, and what Salt raises."""
    caller = salt.client.Caller(mopts=options(folders, name, whole["grains"]))
    pillar = caller.cmd("pillar.items", saltenv=ENV, pillarenv=ENV)
    if wrong := pillar.get("_errors"):
        raise Unrenderable("\n".join(map(str, wrong)))
    components = json.loads((folders["pillars"] / f"{name}.json").read_text())["components"]
    applied = compiled(caller, components)
    highstate = [plain(state) for state in applied]
    extras = [
        f"{component}.{file.stem}"
        for component in components
        for file in sorted((folders["kit"] / "salt" / "states" / component).glob("*.sls"))
        if file.stem not in USUAL | set(whole["unread"])
    ]
    return {
        "highstate": highstate,
        "places": [[state["__sls__"], state["__id__"]] for state in applied],
        "top": caller.cmd("state.show_top", saltenv=ENV, pillarenv=ENV),
        "sls": {**low_by_sls(caller, extras), **(stages(caller) if whole["stages"] else {})},
        "files": templates(caller, highstate),
        "pillar": sorted(pillar),
        "values": {key: value for key, value in pillar.items() if key != "secrets"},
        "secrets": sorted(pillar.get("secrets", {})),
    }


def orchestration(folders: dict[str, Path], whole: dict[str, Any]) -> list[State]:
    """The steps of a deployment; none of a content that has no such file."""
    if not (folders["kit"] / "salt" / "orchestrate" / "deploy.sls").is_file():
        return []
    caller = salt.client.Caller(mopts=options(folders, "orchestration", whole["grains"]))
    return low(caller, ["deploy"], pillar=whole["pillar"])


def told(render: Any, *args: Any) -> Any:
    """What `render` returns, or why it does not, as `failed`."""
    try:
        return render(*args)
    except Exception as error:  # of whatever a release brings
        return {"failed": str(error) or type(error).__name__}


def main() -> None:
    # Salt does both anew for every minion, call and file: a third of the time.
    importlib.metadata.entry_points = functools.cache(  # type: ignore[assignment]
        importlib.metadata.entry_points
    )
    jinja2.Environment.compile = compile_once  # type: ignore[method-assign,assignment]
    salt.loader.grains = lambda opts, *more, **others: {**opts["grains"], "id": opts["id"]}
    names = ("kit", "extmods", "pillars", "scratch")
    folders = {name: Path(word) for name, word in zip(names, sys.argv[1:], strict=True)}
    salt.utils.secret.mask_pillar.set(False)
    whole = json.loads((folders["pillars"] / "whole.json").read_text())
    (folders["scratch"] / "minion").touch()
    answer = {name: told(render_minion, folders, name, whole) for name in whole["minions"]}
    answer["orchestration"] = told(orchestration, folders, whole)
    json.dump(answer, sys.stdout, indent=1, sort_keys=False)


main()
