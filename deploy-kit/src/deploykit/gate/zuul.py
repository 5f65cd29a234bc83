"""gate.yml as Zuul's configuration, for a team that outgrows this gate. Pure: no file is touched.

What becomes what, for Zuul 14 or later:

* a queue on one branch: a queue of Zuul that is assigned by branch, and a stanza for each of its
  projects on that branch;
* check, gate and post: pipelines `check` (independent), `gate` (dependent, one for each size of
  the window) and `post` (on what was merged);
* a job: a job whose one playbook runs the command on a node with every project of its queues.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from deploykit.gate.config import Config
from deploykit.gate.footers import RECHECK
from deploykit.gate.job import Job
from deploykit.gate.order import Queue

CONNECTION = "gerrit"  # the name of the review server's connection in zuul.conf
LABEL = "debian-bookworm"  # of the nodes; a name that the launcher gives them
HIGHEST = 2  # that reviewers vote, where the server's labels are as they come
CONFIG_PROJECT = "project-config"
# A pattern's parts that are not plain text: any text, one character, one of a set.
# A set of characters has at least one: '[]' and '[!]' are text, as they are to fnmatch.
GLOB = re.compile(r"(\*+|\?|\[(?:!?\][^\]]*|![^\]]+|[^\]!][^\]]*)\])")
PRE_RUN, RUN = "playbooks/pre.yaml", "playbooks/run.yaml"
PRE_RUN_TEXT = """\
# Puts the merged trees that Zuul prepared on the node.
- hosts: all
  tasks:
    - name: Every project as it is tested
      ansible.posix.synchronize:
        src: "{{ zuul.executor.src_root }}/"
        dest: "{{ ansible_user_dir }}/src/"
"""
RUN_TEXT = """\
# Runs the command of a job in the checkout of its project, or in the folder above all.
- hosts: all
  tasks:
    - name: The job's command
      ansible.builtin.command:
        argv: "{{ gate_command }}"
        chdir: "{{ ansible_user_dir }}/src/{{ zuul.project.canonical_hostname }}/{{ gate_folder }}"
      environment:
        GATE_ITEM: "{{ zuul.change | default(zuul.ref) }}"
        GATE_PIPELINE: "{{ zuul.pipeline }}"
"""


def exported(config: Config, name: str, config_project: str = CONFIG_PROJECT) -> dict[str, str]:
    """The files by their paths: the tenant `name`, its config project, the connection."""
    head = "# Made by `deploy-kit gate export-zuul` from gate.yml.\n"
    return {
        "main.yaml": head + _yaml(tenant(config, name, config_project)),
        "zuul.conf": head + connection(config),
        f"{config_project}/zuul.yaml": head + _yaml(project_config(config)),
        f"{config_project}/{PRE_RUN}": head + PRE_RUN_TEXT,
        f"{config_project}/{RUN}": head + RUN_TEXT,
    }


def tenant(config: Config, name: str, config_project: str = CONFIG_PROJECT) -> list[dict[str, Any]]:
    """The tenant's configuration (main.yaml): the projects, each with the branches of its queues.

    `config_project` is the project that keeps the rest.
    """
    branches: dict[str, list[str]] = {}
    for project, branch in sorted(config.places()):
        branches.setdefault(project, []).append(_whole(branch))
    untrusted = [
        {project: {"include-branches": patterns}} for project, patterns in branches.items()
    ]
    source = {"config-projects": [config_project], "untrusted-projects": untrusted}
    return [{"tenant": {"name": name, "source": {CONNECTION: source}}}]


def project_config(config: Config) -> list[dict[str, Any]]:
    """The configuration that lies in the config project (zuul.yaml)."""
    return [
        *({"pipeline": pipeline} for pipeline in pipelines(config)),
        *({"queue": _queue(queue)} for queue in config.queues),
        {"job": _base()},
        *({"job": _job(config, job)} for job in config.jobs),
        *(
            {"project": _stanza(config, queue, project)}
            for queue in config.queues
            for project in sorted(queue.projects)
        ),
    ]


def left_out(config: Config) -> list[str]:
    """What gate.yml says and Zuul's configuration does not, a line each."""
    lines = []
    if config.trusted:
        lines.append(
            f"trusted: {config.trusted}: Zuul knows no groups of Gerrit, and runs in `check` the "
            "code of whoever may push; let Gerrit say who may"
        )
    if config.home is not None:
        project, path = config.home
        lines.append(
            f"home: {project}, {path}: jobs in a config project count once they are merged; "
            "a project's own .zuul.yaml is what is tested as proposed"
        )
    return lines


def pipelines(config: Config) -> list[dict[str, Any]]:
    """check, gate (one for each size of the window) and post."""
    recheck = {"event": "comment-added", "comment": f"(?im){RECHECK.pattern}"}
    asked = {"event": "comment-added", "approval": [_votes(*list(config.approvals.items())[-1])]}
    check = {
        "name": "check",
        "manager": "independent",
        "description": "Every patch set by itself, before anybody reviews.",
        "require": {CONNECTION: {"open": True, "current-patchset": True}},
        "trigger": {CONNECTION: [{"event": ["patchset-created", "change-restored"]}, recheck]},
        **_verdicts(config),
    }
    approvals = [_votes(label, least) for label, least in config.approvals.items()]
    gates = [
        {
            "name": name,
            "manager": "dependent",
            "description": "Approved changes, each on top of those ahead of it; passed, merged.",
            "precedence": "high",
            "post-review": True,
            "require": {
                CONNECTION: {"open": True, "current-patchset": True, "approval": approvals}
            },
            "trigger": {CONNECTION: [asked, recheck]},
            **_verdicts(config, submit=True),
            "window": window,
            "window-floor": floor,
            "window-ceiling": most,
            "window-increase-type": "linear",
            "window-increase-factor": 1,
            "window-decrease-type": "exponential",
            "window-decrease-factor": 2,
        }
        for (window, floor, most), name in _gates(config).items()
    ]
    post = {
        "name": "post",
        "manager": "independent",
        "description": "Each branch once more, as it was merged.",
        "precedence": "low",
        "post-review": True,
        "trigger": {CONNECTION: [{"event": "ref-updated", "ref": "^refs/heads/"}]},
    }
    return [check, *gates, post]


def _gates(config: Config) -> dict[tuple[int, int, int], str]:
    """The name of the gate pipeline of each size of a window: Zuul has sizes by pipeline."""
    sizes = list(dict.fromkeys(_size(queue) for queue in config.queues))
    if len(sizes) == 1:
        return {sizes[0]: "gate"}
    return {size: f"gate-{'-'.join(map(str, size))}" for size in sizes}


def _size(queue: Queue) -> tuple[int, int, int]:
    # Zuul refuses a floor above the ceiling; here that only means that the window stays there.
    return queue.window, min(queue.floor, queue.most), queue.most


def _votes(label: str, least: int) -> dict[str, list[int]]:
    return {label: list(range(least, max(least, HIGHEST) + 1))}


def _verdicts(config: Config, *, submit: bool = False) -> dict[str, Any]:
    passed: dict[str, Any] = {config.vote: 1}
    if submit:
        passed["submit"] = True
    return {"success": {CONNECTION: passed}, "failure": {CONNECTION: {config.vote: -1}}}


def _queue(queue: Queue) -> dict[str, Any]:
    return {
        "name": queue.pipeline,
        "type": "branch-assigned",
        "allow-circular-dependencies": True,
    }


def _base() -> dict[str, Any]:
    return {
        "name": "base",
        "parent": None,
        "description": "One node with the merged trees of the projects that a job requires.",
        "nodeset": {"nodes": [{"name": "worker", "label": LABEL}]},
        "pre-run": PRE_RUN,
    }


def _job(config: Config, job: Job) -> dict[str, Any]:
    beside = {p for queue in config.queues if queue.projects & job.projects for p in queue.projects}
    stanza: dict[str, Any] = {
        "name": job.name,
        "parent": "base",
        "run": RUN,
        "timeout": job.timeout,
        "required-projects": sorted(beside),
        "vars": {
            "gate_command": [_literal(word) for word in job.run],
            "gate_folder": job.folder,
        },
    }
    if job.paths:
        stanza["files"] = [expression(path) for path in job.paths]
    return stanza


def _stanza(config: Config, queue: Queue, project: str) -> dict[str, Any]:
    # A change that no job is about passes; for Zuul it would not be there without a job.
    jobs = ["noop", *(job.name for job in config.jobs if project in job.projects)]
    pipelines = ("check", _gates(config)[_size(queue)], "post")
    return {
        "name": project,
        "branches": [_whole(queue.branch)],
        "queue": queue.pipeline,
        **{name: {"jobs": list(jobs)} for name in pipelines},
    }


def expression(glob: str) -> str:
    """A pattern of paths as RE2's expression; as in gate.yml, `*` is any text, with '/' too."""
    return f"^{''.join(map(_part, GLOB.split(glob)))}$"


def _part(text: str) -> str:
    if text.startswith("*"):
        return ".*"
    if text == "?":
        return "."
    if GLOB.fullmatch(text):
        inside = text[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        negated = inside.startswith("!")
        inside = inside[1:] if negated else inside.replace("^", "\\^", 1)
        return f"[{'^' * negated}{inside}]"
    return re.escape(text)


def _literal(word: str) -> str:
    """A word as Ansible has to be given it: one that looks like a template, as a text in one."""
    if not re.search(r"\{[{%#]", word):
        return word
    return f"{{{{ {json.dumps(word, ensure_ascii=False)} }}}}"


def _whole(name: str) -> str:
    return f"^{re.escape(name)}$"


def connection(config: Config) -> str:
    """The section of zuul.conf that these files need; how Zuul logs in stands there as well."""
    access = config.access
    return "\n".join(
        [
            f"[connection {CONNECTION}]",
            "driver=gerrit",
            f"server={access.ssh_host}",
            f"port={access.ssh_port}",
            f"baseurl={access.url}",
            f"canonical_hostname={urlsplit(access.url).hostname}",
            f"user={access.account}",
            "",
        ]
    )


class _Texts(SafeRepresenter):
    """Keys stay in their order, and nothing is written once and referred to."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _yaml(value: list[dict[str, Any]]) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Texts
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()
