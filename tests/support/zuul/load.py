"""Loads folders of `gate export-zuul` by Zuul's own loader: `python load.py DIR…`.

Prints JSON, for each folder: the errors that Zuul found, its pipelines, and, if there are no
errors, what becomes of a change of each project on each branch: queue, and jobs by the file that it
touches. Real are the drivers, the schemas, the parsers and the layout; what Gerrit and ZooKeeper
would say (which branches there are) is given.
"""

import configparser
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from voluptuous import Invalid
from zuul import configloader, model
from zuul.lib.connections import ConnectionRegistry

BRANCHES = ("main", "stable", "other")  # of every project
FILES = ("a.sls", "doc/b.txt")  # a change touches one of these
PARTS = SimpleNamespace(web_root=None)


def loaded(folder: Path) -> dict[str, Any]:
    """What Zuul makes of one folder; where it refuses the tenant, that is the only error."""
    settings = configparser.ConfigParser()
    settings.read(folder / "zuul.conf")
    connections = ConnectionRegistry()
    connections.configure(settings, sources=True, triggers=True, reporters=True)
    loader = configloader.ConfigLoader(connections, None, None, PARTS, None)
    try:
        abide = loader.readConfig(str(folder / "main.yaml"))
    except Invalid as error:
        return {"errors": [str(error)], "pipelines": [], "changes": []}
    (conf,) = abide.tenants.values()
    tenant = tenant_of(loader.tenant_parser, conf)
    layout = layout_of(loader.tenant_parser, tenant, folder)
    errors = [str(loading.error) for loading in layout.loading_errors.errors]
    return {
        "errors": errors,
        "pipelines": [pipeline(manager) for manager in layout.pipeline_managers.values()],
        "changes": [] if errors else list(changes(tenant, layout)),
    }


def tenant_of(parser: Any, conf: Any) -> Any:
    """The tenant with its projects, as TenantParser.fromYaml makes it."""
    tenant = model.Tenant(conf["name"])
    tenant.default_base_job = "base"
    for name in ("allowed_labels", "disallowed_labels", "allowed_triggers", "allowed_reporters"):
        setattr(tenant, name, None)
    for name, listed in conf["source"].items():
        source = parser.connections.getSource(name)
        for kind in ("config-projects", "untrusted-projects"):
            for project_config in listed[kind]:
                classes = frozenset(parser.job_classes)
                for tenant_project in parser._getProjects(source, project_config, classes):
                    tenant_project.trusted = kind == "config-projects"
                    tenant_project.branches = [
                        name for name in BRANCHES if tenant_project.includesBranch(name)
                    ]
                    tenant_project.dynamic_branches, tenant_project.merge_modes = [], None
                    tenant.addTPC(tenant_project)
    return tenant


def layout_of(parser: Any, tenant: Any, folder: Path) -> Any:
    """What the config project's zuul.yaml makes of the tenant."""
    (home,) = tenant.config_projects
    context = configloader.ParseContext(parser.connections, PARTS, None, None)
    place = model.SourceContext(home.canonical_name, home.name, "gerrit", "main", "zuul.yaml")
    text = (folder / home.name / "zuul.yaml").read_text()
    parsed = parser.loadProjectYAML(text, place, context)
    tenant.layout = parser._parseLayout(tenant, parsed, context)
    return tenant.layout


def pipeline(manager: Any) -> dict[str, Any]:
    layout_pipeline = manager.pipeline
    window = [layout_pipeline.window, layout_pipeline.window_floor, layout_pipeline.window_ceiling]
    return {
        "name": layout_pipeline.name,
        "manager": layout_pipeline.manager_name,
        "window": [size if isinstance(size, int) else None for size in window],
        "triggers": len(layout_pipeline.event_filters),
    }


def changes(tenant: Any, layout: Any) -> Iterator[dict[str, Any]]:
    for project in tenant.untrusted_projects:
        for branch in tenant.getProjectBranches(project.canonical_name):
            queue = layout.getQueueForProjectBranch(project.canonical_name, branch)
            for file in FILES:
                change = model.Change(project)
                change.branch, change.files = branch, [file]
                yield {
                    "project": project.name,
                    "branch": branch,
                    "queue": queue.name if queue else None,
                    "circles": bool(queue and queue.allow_circular_dependencies),
                    "file": file,
                    "jobs": jobs(layout, change),
                }


def jobs(layout: Any, change: Any) -> dict[str, Any]:
    """The jobs of a change by pipeline, each with what Zuul would run."""
    by_name: dict[str, Any] = {}
    for name, manager in layout.pipeline_managers.items():
        item = SimpleNamespace(manager=manager, annotateLogger=lambda log: log)
        wanted = layout.getProjectPipelineConfig(item, change)
        if wanted is not None:
            frozen = [frozen_job(layout, item, change, job) for job in wanted.job_list.jobs]
            by_name[name] = {
                job.name: said(job) for job in frozen if job.changeMatchesFiles(change)
            }
    return by_name


def frozen_job(layout: Any, item: Any, change: Any, name: str) -> Any:
    """A job with what it has of its parents, as Layout.extendJobGraph makes it."""
    first, *variants = layout.collectJobs(item, name, change)
    job = first.copy()
    job.setBase(layout, None)
    for variant in variants:
        job.applyVariant(variant, layout, None)
    job.name = name
    return job


def said(job: Any) -> dict[str, Any]:
    return {
        "timeout": job.timeout,
        "projects": sorted(job.required_projects),
        "playbooks": [playbook.path for playbook in (*job.pre_run, *job.run)],
        "vars": dict(job.variables),
    }


if __name__ == "__main__":
    print(json.dumps([loaded(Path(folder)) for folder in sys.argv[1:]]))
