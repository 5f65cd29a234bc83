"""Which jobs a build has: those that gate.yml, as the state under test has it, gives its paths."""

from __future__ import annotations

from collections.abc import Mapping

from deploykit.base.errors import DeployKitError
from deploykit.gate.changes import Item
from deploykit.gate.config import Config, parse_jobs
from deploykit.gate.job import Job
from deploykit.gate.queue import Start
from deploykit.gate.trees import State, Trees
from deploykit.gate.work import BuildPlan, new_token


def planned(config: Config, trees: Trees, before: State, state: State, start: Start) -> BuildPlan:
    """The build to start for an item in `state`, which stands on `before`: with its jobs, or with
    why there are none if the configuration that the state proposes cannot be read."""
    touched = touched_paths(trees, before, state, start.item)
    jobs, broken = _jobs(config, trees, state)
    mine = tuple(job for job in jobs if job.concerns(touched))
    paths = tuple(sorted({path for paths in touched.values() for path in paths}))
    return BuildPlan(
        start.build, start.item.key, new_token(), state.commits, mine, broken, paths,
        before=before.commits, site=str(config.folder or ""),
    )  # fmt: skip


def touched_paths(
    trees: Trees, before: State, state: State, item: Item
) -> Mapping[str, tuple[str, ...]]:
    """What the changes of an item alter, by project."""
    touched: dict[str, tuple[str, ...]] = {}
    for change in item.changes:
        place = (change.project, change.branch)
        if change.project not in touched and place in before.commits:
            paths = trees.changed(change.project, before.commits[place], state.commits[place])
            touched[change.project] = paths
    return touched


def _jobs(config: Config, trees: Trees, state: State) -> tuple[tuple[Job, ...], str]:
    """The jobs by the gate.yml of the state itself, where config says that it lies in a project."""
    if config.home is None:
        return config.jobs, ""
    project, path = config.home
    commits = [commit for (name, _), commit in state.commits.items() if name == project]
    text = trees.text(project, commits[0], path) if commits else None
    if text is None:
        return config.jobs, ""
    try:
        return parse_jobs(text, config.projects), ""
    except DeployKitError as error:
        return (), f"the {path} that is proposed cannot be used: {error.message}"
