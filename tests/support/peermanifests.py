"""What other tools make of their own manifests: books as (place, URL, revision), to compare."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Books = list[tuple[str, str, str]]

_REPO = r"""
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import manifest_xml
top, file = Path(sys.argv[2]), sys.argv[3]
read = manifest_xml.XmlManifest(str(top / ".repo"), str(top / ".repo" / "manifests" / file))
groups = ["default", "platform-linux"]
books = [p for p in read.projects if p.MatchesGroups(groups)]
print(json.dumps({
    "books": [[p.relpath, p.remote.url, p.revisionExpr] for p in books],
    "links": [[p.relpath, link.src, link.dest] for p in books for link in p.linkfiles],
    "upstreams": {p.relpath: p.upstream for p in books},
    "submodules": sorted(p.relpath for p in books if p.sync_s),
}))
"""


def by_repo(tool: Path, manifests: Path, file: str, base: str, top: Path) -> dict[str, object]:
    """What git-repo (a checkout of it, `tool`) reads in a file of the folder `manifests`, whose
    repository is said to be at `base`; `top` is a folder to work in. Raises AssertionError, with
    its message, if it does not take it."""
    (top / ".repo" / "manifests.git").mkdir(parents=True)
    config = f'[remote "origin"]\n\turl = {base}\n'
    (top / ".repo" / "manifests.git" / "config").write_text(config)
    (top / ".repo" / "manifests").symlink_to(manifests)
    done = subprocess.run(
        [sys.executable, "-c", _REPO, tool, top, file],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(top), "REPO_TRACE": "0"},
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


def by_vcs2l(file: Path) -> Books:
    """What `vcs import` would clone."""
    from vcs2l.commands.import_ import get_repositories

    with file.open() as opened:
        repositories = get_repositories(opened)
    return sorted(
        (path, repository["url"], str(repository.get("version", "HEAD")))
        for path, repository in repositories.items()
    )


def vcs2l_extends() -> bool:
    """Whether this vcs2l knows `extends`."""
    from vcs2l.commands import import_

    return "extends" in inspect.getsource(import_)


def by_west(top: Path, manifest: str, read_at: Callable[[str, str, str], str]) -> Books:
    """What `west update` would clone into the workspace `top`, for the repository `manifest` in it;
    `read_at` gives the content of a file, by the URL of a repository and a revision."""
    from west.manifest import Manifest

    (top / ".west").mkdir()
    config = f"[manifest]\npath = {manifest}\nfile = west.yml\n"
    (top / ".west" / "config").write_text(config)
    west_manifest = Manifest.from_topdir(
        topdir=top, importer=lambda project, file: read_at(project.url, project.revision, file)
    )
    projects = [
        project for project in west_manifest.projects[1:] if west_manifest.is_active(project)
    ]
    return sorted((str(project.path), project.url, project.revision) for project in projects)


def west_schema() -> str:
    """The schema of west manifests (pykwalify's YAML)."""
    import west.manifest

    return Path(west.manifest.__file__).with_name("manifest-schema.yml").read_text()
