"""Renders the content with Salt's own renderers; run by Salt's Python, prints JSON.

saltrender.py KIT EXTMODS PILLARS SCRATCH: KIT holds salt/, EXTMODS the master's own modules,
PILLARS one <minion id>.json each as the master's agent writes it. Answers per minion: its
highstate, and in which SLS each of its ids is (`places`); every other SLS as low data; and each
file rendered from a template. For the whole: the steps of the orchestration.
"""

import functools
import importlib.metadata
import json
import sys
from pathlib import Path

import jinja2
import salt.client
import salt.config
import salt.utils.secret

ENV = "kit"
# states/stage: named here by their states' ids alone
STAGES = ("foundation", "control", "rest", "settled")
USUAL = {"init", "package", "config", "service"}  # what a component's init includes

compile_template = jinja2.Environment.compile
COMPILED = {}  # by text and name


def compile_once(environment, source, name=None, filename=None, raw=False, defer_init=False):
    """Environment.compile, of the same text once: the settings of Salt's environments are equal."""
    if raw or not isinstance(source, str):
        return compile_template(environment, source, name, filename, raw, defer_init)
    key = (source, name, filename)
    if key not in COMPILED:
        COMPILED[key] = compile_template(environment, source, name, filename)
    return COMPILED[key]


def options(kit, extmods, pillars, scratch, minion):
    opts = salt.config.DEFAULT_MINION_OPTS.copy()
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
        extension_modules=str(extmods),
        file_roots={ENV: [f"{kit}/salt/states", f"{kit}/salt/orchestrate"]},
        pillar_roots={ENV: [f"{kit}/salt/pillar"]},
        ext_pillar_first=True,
        ext_pillar=[{"environment": str(pillars)}],
        fileserver_followsymlinks=False,
        enable_fqdns_grains=False,
        enable_gpu_grains=False,
        grains={"os": "Debian", "os_family": "Debian", "osmajorrelease": 12, "init": "systemd"},
    )
    return opts


def compiled(caller, sls, **kwargs):
    """The states of `sls` and of what they include, in their order, as Salt compiles them."""
    answer = caller.cmd("state.show_low_sls", sls, saltenv=ENV, pillarenv=ENV, **kwargs)
    if not all(isinstance(state, dict) for state in answer):
        raise SystemExit(f"{sls} does not render: {answer}")
    return answer


def plain(state):
    """A state without Salt's own keys."""
    drop = {"__env__", "__sls__", "__sls_included_from__", "order"}
    return {key: state[key] for key in sorted(state) if key not in drop}


def low(caller, sls, **kwargs):
    """The states of `sls` in their order: one dictionary each."""
    return [plain(state) for state in compiled(caller, sls, **kwargs)]


def low_by_sls(caller, names):
    """The own states of each SLS of `names`, without what it includes; rendered all at once.

    One that has none for this minion is left out.
    """
    states_of = {name: [] for name in names}
    for state in compiled(caller, names):
        if state["__sls__"] in states_of:
            states_of[state["__sls__"]].append(plain(state))
    return {name: states for name, states in states_of.items() if states}


def templates(caller, states):
    """The text of each template that a file.managed state names, by destination."""
    return {
        state["name"]: caller.cmd(
            "slsutil.renderer", path=state["source"], default_renderer="jinja", saltenv=ENV
        ).splitlines()
        for state in states
        if state["state"] == "file" and state.get("template") == "jinja"
    }


def minion(kit, extmods, pillars, scratch, name):
    caller = salt.client.Caller(mopts=options(kit, extmods, pillars, scratch, name))
    pillar = caller.cmd("pillar.items", saltenv=ENV, pillarenv=ENV)
    components = json.loads((pillars / f"{name}.json").read_text())["components"]
    applied = compiled(caller, components)
    answer = {
        "highstate": [plain(state) for state in applied],
        "places": [[state["__sls__"], state["__id__"]] for state in applied],
        "top": caller.cmd("state.show_top", saltenv=ENV, pillarenv=ENV),
        "sls": {},
        "files": {},
        "pillar": sorted(pillar),
        "secrets": sorted(pillar.get("secrets", {})),
    }
    answer["files"] = templates(caller, answer["highstate"])
    extras = [
        f"{component}.{file.stem}"
        for component in components
        for file in sorted((kit / "salt" / "states" / component).glob("*.sls"))
        if file.stem not in USUAL
    ]
    answer["sls"] = low_by_sls(caller, extras)
    for stage in STAGES:
        answer["sls"][f"stage.{stage}"] = [
            state["__id__"] for state in low(caller, [f"stage.{stage}"])
        ]
    # What it does beyond that depends on the packages of this very machine.
    prepared = [state["__id__"] for state in low(caller, ["stage.prepare"])]
    own = [state for state in prepared if not state.startswith("stage_prepare_")]
    answer["sls"]["stage.prepare"] = own
    return answer


def orchestration(kit, extmods, pillars, scratch, nodes, role_map):
    caller = salt.client.Caller(mopts=options(kit, extmods, pillars, scratch, "orchestration"))
    override = {"environment": {"name": "golden", "nodes": nodes}, "role_map": role_map}
    return low(caller, ["deploy"], pillar=override)


def main():
    # Salt does both anew for every minion, call and file: a third of the time.
    importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)
    jinja2.Environment.compile = compile_once
    kit, extmods, pillars, scratch = (Path(word) for word in sys.argv[1:])
    salt.utils.secret.mask_pillar.set(False)
    whole = json.loads((pillars / "whole.json").read_text())
    (scratch / "minion").touch()
    answer = {name: minion(kit, extmods, pillars, scratch, name) for name in whole["minions"]}
    answer["orchestration"] = orchestration(
        kit, extmods, pillars, scratch, whole["nodes"], whole["role_map"]
    )
    json.dump(answer, sys.stdout, indent=1, sort_keys=False)


main()
