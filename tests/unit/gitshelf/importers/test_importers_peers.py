"""What the tools themselves make of a file: the same books, at the same places and revisions.

git-repo is in no package registry: where GITSHELF_GIT_REPO names a checkout of it, its own parser
is asked; what it said is kept here, so that the comparison holds elsewhere, too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peermanifests
import pytest
from gitshelf.importers import vocabularies
from gitshelf.manifest import Manifest

ImportFile = Callable[..., Manifest]
Put = Callable[..., Path]
BASE = "https://git.example.org/team/manifest"
SHA = "0123456789abcdef0123456789abcdef01234567"

REPO = {
    "default.xml": f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest>
  <notice>Hello</notice>
  <remote name="forge" fetch=".." review="review.example.org"/>
  <remote name="up" alias="o" fetch="https://up.example.org/" revision="refs/tags/v13"/>
  <remote name="scp" fetch="git@scp.example.org:deep"/>
  <remote name="top" fetch="/" revision="top"/>
  <default revision="refs/heads/v20" remote="forge" sync-j="4" sync-s="true"/>
  <project path="build/make" name="team/build" sync-s="False"/>
  <project path="top/outer/" name="outer" groups="pdk, notdefault,platform-linux">
    <project name="inner" path="sub/inner"><linkfile src="README" dest="README.inner"/></project>
    <project name="bare" remote="up"/>
  </project>
  <project name="tool" remote="scp" revision="{SHA}" upstream="refs/heads/stable"/>
  <project name="gone"/>
  <project name="away" groups="notdefault"/>
  <project name="twice" path="one"/>
  <project name="twice" path="two"/>
  <include name="snippets/own.xml" groups="snippet" revision="included"/>
  <extend-project name="team/build" revision="main" remote="up" groups="x">
    <linkfile src="core/root.mk" dest="Makefile"/>
  </extend-project>
  <extend-project name="twice" path="two" dest-path="moved/two" upstream="u"/>
  <remove-project name="gone"/>
  <remove-project name="never" optional="true"/>
  <remove-project path="one"/>
  <project name="other/gone" path="gone" remote="top"/>
</manifest>
""",
    "snippets/own.xml": """<manifest>
  <include name="snippets/more.xml"/>
  <project path="apps/clock" name="team/clock"/>
  <project path="hardware/common" name="team/common" revision="own">
    <linkfile src="." dest="links/common"/>
    <linkfile src="guard.mk" dest="hardware/guard/Android.mk"/>
  </project>
</manifest>
""",
    "snippets/more.xml": "<manifest><project name='more' remote='up'/></manifest>",
}
REPO_BOOKS = [
    ("apps/clock", "https://git.example.org/team/clock", "included"),
    ("build/make", "https://up.example.org/team/build", "main"),
    ("gone", "https://git.example.org/team/manifest/other/gone", "top"),
    ("hardware/common", "https://git.example.org/team/common", "own"),
    ("more", "https://up.example.org/more", "included"),
    ("moved/two", "https://git.example.org/twice", "refs/heads/v20"),
    ("tool", "ssh://git@scp.example.org/deep/tool", SHA),
    ("top/outer", "https://git.example.org/outer", "refs/heads/v20"),
    ("top/outer/outer/bare", "https://up.example.org/outer/bare", "refs/tags/v13"),
    ("top/outer/sub/inner", "https://git.example.org/outer/inner", "refs/heads/v20"),
]
REPO_LINKS = [
    ("build/make", "core/root.mk", "Makefile"),
    ("hardware/common", ".", "links/common"),
    ("hardware/common", "guard.mk", "hardware/guard/Android.mk"),
    ("top/outer/sub/inner", "README", "README.inner"),
]


@pytest.fixture
def git_repo() -> Path:
    """A checkout of git-repo."""
    folder = Path(os.environ.get("GITSHELF_GIT_REPO", "/nowhere"))
    if not (folder / "manifest_xml.py").exists():
        # No skip, which CI would not take: nothing that a CI machine installs brings it.
        pytest.xfail("no git-repo to compare with: set GITSHELF_GIT_REPO to a checkout of it")
    return folder


def books(found: Manifest) -> list[tuple[str, str, str]]:
    return [(one.place, one.url, one.branch) for one in found.books]


def test_repo_manifest_gives_what_repos_parser_said_of_it(
    put: Put, manifest_of: ImportFile
) -> None:
    found = manifest_of("repo", put(REPO), base=BASE)
    assert books(found) == REPO_BOOKS
    assert [(one.place, one.track) for one in found.books if one.track] == [("tool", "stable")]
    assert [one.place for one in found.books if one.policies.submodules == "include"] == [
        place for place, _, _ in REPO_BOOKS if place != "build/make"
    ]
    assert [(link.place, link.target) for link in found.links] == [
        ("Makefile", "build/make/core/root.mk"),
        ("README.inner", "top/outer/sub/inner/README"),
        ("hardware/guard/Android.mk", "../common/guard.mk"),
        ("links/common", "../hardware/common"),
    ]


def test_repos_own_parser_says_the_same(put: Put, git_repo: Path, tmp_path: Path) -> None:
    file = put(REPO, tmp_path / "manifests")
    said: Any = peermanifests.by_repo(git_repo, file.parent, file.name, BASE, tmp_path)
    assert sorted(tuple(one) for one in said["books"]) == REPO_BOOKS
    assert sorted(tuple(one) for one in said["links"]) == REPO_LINKS
    assert said["upstreams"]["tool"] == "refs/heads/stable"
    assert said["submodules"] == [place for place, _, _ in REPO_BOOKS if place != "build/make"]


def test_keys_are_those_of_repos_documentation(git_repo: Path) -> None:
    page = (git_repo / "docs" / "manifest-format.md").read_text()
    declared = {row for row, _ in vocabularies()["repo"].rows()}
    wanted = {f"<{tag}> {name}" for tag, name in re.findall(r"<!ATTLIST (\S+) +(\S+) ", page)}
    for tag, inner in re.findall(r"<!ELEMENT (\S+) \(([^)]*)\)>", page):
        wanted |= {f"<{tag}> <{one}>" for one in re.findall(r"[a-z-]+", inner)}
    # Its own parser knows one more.
    assert declared - wanted == {"<project> rebase"}
    assert wanted - declared == set()


def test_keys_are_those_of_wests_schema() -> None:
    from ruamel.yaml import YAML

    schema = YAML(typ="safe").load(peermanifests.west_schema())
    top = schema["mapping"]
    rows = {row for row, _ in vocabularies()["west"].rows()}
    assert {row for row in rows if row.startswith("manifest.")} == {f"manifest.{k}" for k in top}
    for section, where in {
        "defaults": top["defaults"],
        "self": top["self"],
        "remotes[]": top["remotes"]["sequence"][0],
        "projects[]": top["projects"]["sequence"][0],
    }.items():
        wanted = {f"{section}.{key}" for key in where["mapping"]}
        assert {row for row in rows if row.startswith(f"{section}.")} == wanted


VCS2L = {
    "deep/site.repos": (
        "extends: [../base.repos, two.repos]\nrepositories:\n"
        "  one: {type: git, url: 'https://x.example/one', version: trial}\n"
    ),
    "base.repos": (
        "extends: rosinstall.repos\nrepositories:\n"
        "  one: {type: git, url: 'https://x.example/one', version: base}\n"
        "  two: {type: git, url: 'https://x.example/two', version: 1.10}\n"
        "  three: {type: git, url: 'https://x.example/three'}\n"
    ),
    "deep/two.repos": (
        "repositories:\n  two: {type: git, url: 'https://x.example/two', version: heads/two}\n"
    ),
    "rosinstall.repos": (
        "- git: {local-name: src/four, uri: 'https://x.example/four', version: '4'}\n"
        "- git: {local-name: three, uri: 'https://x.example/overridden'}\n"
    ),
}


VCS2L_BOOKS = [
    ("one", "https://x.example/one", "trial"),
    ("src/four", "https://x.example/four", "4"),
    ("three", "https://x.example/three", "HEAD"),
    ("two", "https://x.example/two", "refs/heads/two"),
]


def test_repos_files_give_what_vcs2l_reads_in_them(put: Put, manifest_of: ImportFile) -> None:
    file = put(VCS2L)
    (file.parent.parent / ".git").mkdir()
    assert books(manifest_of("vcstool", file)) == VCS2L_BOOKS
    alone = [file.with_name("two.repos"), file.parent.parent / "rosinstall.repos"]
    # `extends` is newer than the release of vcs2l that there is.
    for one in [*alone, *([file] if peermanifests.vcs2l_extends() else [])]:
        theirs = [
            # `heads/` is vcs2l's own form.
            (place, url, version.replace("heads/two", "refs/heads/two"))
            for place, url, version in peermanifests.by_vcs2l(one)
        ]
        assert books(manifest_of("vcstool", one)) == theirs
        assert theirs


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def repository(folder: Path, files: dict[str, str], put: Put) -> str:
    """Makes a repository with a branch `main`, and gives its URL."""
    put(files, folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "x")
    return folder.as_uri()


SUBMANIFEST = "manifest: {projects: [{name: inner, url: 'https://i.example/inner'}]}"


def test_west_manifest_gives_what_west_resolves(
    put: Put, manifest_of: ImportFile, tmp_path: Path
) -> None:
    zephyr = repository(
        tmp_path / "zephyr",
        {
            "west.yml": (
                "manifest:\n  defaults: {remote: z, revision: zmain}\n"
                "  remotes: [{name: z, url-base: 'https://z.example'}]\n"
                "  group-filter: [-babble, -mute, +loud]\n"
                "  projects:\n"
                "  - {name: hal_a, path: modules/hal/a, groups: [hal]}\n"
                "  - {name: hal_b, path: modules/hal/b}\n  - {name: app}\n"
                "  - {name: noise, groups: [babble]}\n  - {name: odd, groups: [mute, 1]}\n"
                "  - {name: silent, groups: [mute]}\n"
                "  self: {path: zephyr, import: submanifests}\n"
            ),
            "submanifests/s.yml": SUBMANIFEST,
        },
        put,
    )
    lib = repository(
        tmp_path / "lib",
        {
            "parts/one.yml": "manifest: {projects: [{name: p1, url: 'https://p.example/1'}]}",
            "parts/two.yaml": (
                "manifest: {projects: [{name: p2, path: q/2, url: 'https://p.example/2'}]}"
            ),
            "parts/no.txt": "x",
        },
        put,
    )
    files = {
        "app/west.yml": (
            "manifest:\n  version: '1.0'\n  defaults: {remote: up}\n"
            "  remotes:\n  - {name: up, url-base: 'https://x.example/up'}\n"
            "  group-filter: [+babble]\n"
            "  projects:\n"
            f"  - {{name: zephyr, url: '{zephyr}', revision: main, import: {{path-prefix: ext, "
            "name-blocklist: [hal_b], path-blocklist: 'hal/*'}, submodules: true}\n"
            f"  - {{name: lib, url: '{lib}', revision: main, import: [parts]}}\n"
            "  - {name: tool, repo-path: deep/tool, path: tools/t, clone-depth: 1}\n"
            "  - {name: sub, submodules: [], description: x}\n"
            "  self:\n    path: app\n"
            "    import:\n    - sub.yml\n    - {file: more, path-prefix: m}\n"
        ),
        "app/sub.yml": (
            "manifest: {projects: [{name: tool, path: first, url: 'https://s.example/tool'}]}"
        ),
        # West reads this one from the clone.
        "ext/zephyr/submanifests/s.yml": SUBMANIFEST,
        "app/more/b.yml": "manifest: {projects: [{name: b, url: 'https://s.example/b'}]}",
        "app/more/a.yml": "manifest: {projects: [{name: b, url: 'https://s.example/a'}]}",
    }
    top = tmp_path / "ws"
    file = put(files, top)
    (file.parent / ".git").mkdir()

    def read_at(url: str, revision: str, path: str) -> Any:
        folder = Path(url.removeprefix("file://"))
        kind = git(folder, "ls-tree", revision, path).split()[1]
        if kind == "blob":
            return git(folder, "show", f"{revision}:{path}")
        names = git(folder, "ls-tree", "--name-only", f"{revision}:{path}").split()
        wanted = [name for name in names if name.endswith((".yml", ".yaml"))]
        return [git(folder, "show", f"{revision}:{path}/{name}") for name in wanted]

    theirs = peermanifests.by_west(top, "app", read_at)
    found = manifest_of("west", file)
    assert books(found) == theirs
    assert [place for place, _, _ in theirs] == [
        "ext/app", "ext/inner", "ext/noise", "ext/odd", "ext/zephyr", "first", "lib", "m/b", "p1",
        "q/2", "sub",
    ]  # fmt: skip
    include = [one.place for one in found.books if one.policies.submodules == "include"]
    assert include == ["ext/zephyr"]


@pytest.mark.lengthy
@pytest.mark.timeout(300)
def test_ansible_finds_what_ansible_galaxy_would_install(
    put: Put, manifest_of: ImportFile, lost: Callable[..., list[str]], tmp_path: Path
) -> None:
    role = {"tasks/main.yml": "[]\n", "meta/main.yml": "galaxy_info: {}\n"}
    urls = {
        name: repository(tmp_path / "from" / name, files, put)
        for name, files in {
            "needed": role,
            "ntp": role,
            "web": role,
            "ssh": role,
            "kite": {"galaxy.yml": galaxy("acme", "kite"), "README.md": ""},
            "deep": {
                "coll/a/galaxy.yml": galaxy("acme", "one"),
                "coll/a/README.md": "",
                "coll/b/galaxy.yml": galaxy("acme", "two"),
                "coll/b/README.md": "",
            },
            "named": {"galaxy.yml": galaxy("acme", "named"), "README.md": ""},
        }.items()
    }
    git(tmp_path / "from" / "kite", "branch", "stable/2")
    needs = f"dependencies:\n- {{src: 'git+{urls['needed']}', name: some.dep}}\n- my.web\n- local\n"
    put({"meta/main.yml": role["meta/main.yml"] + needs}, tmp_path / "from" / "ntp")
    git(tmp_path / "from" / "ntp", "commit", "-q", "-a", "-m", "needs")
    file = put(
        {
            "requirements.yml": (
                "roles:\n"
                f"- {{src: 'git+{urls['ntp']}', version: main}}\n"
                f"- {{name: my.web, src: '{urls['web']}', scm: git}}\n"
                "- include: more.yml\n"
                "collections:\n"
                f"- {{name: '{urls['kite']}', type: git, version: stable/2}}\n"
                f"- 'git+{urls['deep']}#/coll/,main'\n"
                f"- {{name: acme.named, source: '{urls['named']}', type: git, version: '*'}}\n"
            ),
            "more.yml": f"- git+{urls['ssh']},main,my.ssh\n",
        },
        tmp_path / "site",
    )
    folder = file.parent
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
    }
    for kind in ("role", "collection"):
        done = subprocess.run(
            ["ansible-galaxy", kind, "install", "-r", file, "-p", folder / f"{kind}s"],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
    roles = {f"roles/{path.name}" for path in (folder / "roles").iterdir()}
    made = (folder / "collections" / "ansible_collections").glob("*/*/MANIFEST.json")
    found = {str(one.parent.relative_to(folder)) for one in made}
    books = [one.place for one in manifest_of("ansible", file, partial=True).books]
    assert [*books, "roles/some.dep"] == sorted(roles | found)
    assert [note.partition("theirs")[0].partition(": ")[2] for note in lost("ansible", file)] == [
        "requirements.yml:2: book roles/ntp: it depends on the role some.dep, which ansible-galaxy "
        "would get, too: add it with its repository"
    ]
    assert len(roles) == 4
    assert len(found) == 4


def galaxy(namespace: str, name: str) -> str:
    return (
        f"namespace: {namespace}\nname: {name}\nversion: 1.0.0\nreadme: README.md\nauthors: [Kim]\n"
    )
