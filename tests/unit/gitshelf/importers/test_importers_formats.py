"""Manifests of vcstool, Ansible, west and repo become manifests of gitshelf, or say why not."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from gitshelf.importers.model import Imported, Source, Translation
from gitshelf.manifest import Manifest, parse

import gitshelf
from gitshelf import importers

Repo = Any
Cli = Callable[..., Any]
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def translate(tmp_path: Path) -> Callable[..., Manifest]:
    """Imports a text and reads the manifest that came out."""

    def run(kind: str, text: str, **more: Any) -> Manifest:
        (tmp_path / "theirs").write_text(text)
        out = importers.translate(kind, tmp_path / "theirs", **more)
        return parse(out.encode(), tmp_path / "gitshelf.yml")

    return run


def books(found: Manifest) -> list[tuple[str, str, str]]:
    return [(one.place, one.url, one.branch) for one in found.books]


def test_repos_file_of_vcstool_is_imported_pinned_and_built(
    repo: Repo, run_cli: Cli, tmp_path: Path
) -> None:
    theirs, ours = tmp_path / "my.repos", tmp_path / "gitshelf.yml"
    theirs.write_text(
        "repositories:\n"
        f"  src/one: {{type: git, url: '{repo.url}', version: master}}\n"
        f"  src/two:\n    type: git\n    url: {repo.url}\n"
        f"  src/three:\n    type: git\n    url: {repo.url}\n    version: {repo.commits[0]}\n"
    )
    said = run_cli("import", "vcstool", theirs, "--output", ours)
    assert said.code == 0, said.err
    assert "3 books" in said.out
    assert run_cli("import", "vcstool", theirs).out == ours.read_text()
    again = run_cli("import", "vcstool", theirs, "--output", ours)
    assert again.code == 2
    assert "is there already" in again.err
    assert run_cli("pin", "--gitshelf", ours).code == 0
    kit = gitshelf.build(ours, tmp_path / "kit.tar")
    assert {book.book: book.commit for book in kit.lock.books} == {
        "src/one": repo.commits[1],
        "src/two": repo.commits[1],
        "src/three": repo.commits[0],
    }


def test_what_cannot_be_said_is_refused_with_its_line_or_becomes_a_comment(
    tmp_path: Path, run_cli: Cli
) -> None:
    theirs = tmp_path / "my.repos"
    theirs.write_text(
        "repositories:\n  a: {type: git, url: 'https://x.example/a'}\n"
        "  b: {type: hg, url: 'https://x.example/b'}\n"
    )
    said = run_cli("import", "vcstool", theirs)
    assert said.code == 1
    assert f"{theirs}:3: book b: its type is hg, not git" in said.err
    assert "--partial" in said.err
    said = run_cli("import", "vcstool", theirs, "--partial")
    assert said.code == 0
    assert f"# Not imported: {theirs}:3: book b: its type is hg" in said.out
    assert "book: a\n" in said.out


def test_requirements_of_ansible(translate: Callable[..., Manifest]) -> None:
    found = translate(
        "ansible",
        "roles:\n"
        "- {src: 'https://x.example/roles/ntp.git', version: v1}\n"
        "- {src: 'git+https://x.example/ssh', name: my.ssh}\n"
        "- src: git@x.example:group/dns.git\n"
        "- {name: web, src: 'https://x.example/web', scm: git, version: 1.10}\n"
        "- https://github.com/someone/db\n"
        "collections:\n"
        "- {name: ns.sub, source: 'https://x.example/c.git#/sub/', type: git, version: main}\n"
        "- {name: ns.coll, source: 'https://x.example/other', type: git, version: '*'}\n"
        "- {name: ns.third, source: 'git+https://x.example/third,v2', type: git, version: v1}\n",
    )
    assert books(found) == [
        ("collections/ansible_collections/ns/coll", "https://x.example/other", "HEAD"),
        ("collections/ansible_collections/ns/sub", "https://x.example/c.git", "main"),
        ("collections/ansible_collections/ns/third", "https://x.example/third", "v2"),
        ("roles/db", "https://github.com/someone/db", "HEAD"),
        ("roles/dns", "git@x.example:group/dns.git", "HEAD"),
        ("roles/my.ssh", "https://x.example/ssh", "HEAD"),
        ("roles/ntp", "https://x.example/roles/ntp.git", "v1"),
        ("roles/web", "https://x.example/web", "1.10"),
    ]
    assert found.books[1].path == "sub"
    old = translate("ansible", "- src: https://x.example/ntp.git\n")
    assert [one.place for one in old.books] == ["roles/ntp"]
    with pytest.raises(GitshelfError, match=r"theirs:2: the role someone.ntp .* not come from git"):
        translate("ansible", "roles:\n- someone.ntp\n")
    with pytest.raises(GitshelfError, match=r"theirs:2: the collection a.b .* not come from git"):
        translate("ansible", "collections:\n- name: a.b\n  version: '>=1'\n")


def test_manifest_of_west(translate: Callable[..., Manifest]) -> None:
    text = (
        "manifest:\n"
        "  defaults: {remote: up, revision: main}\n"
        "  remotes:\n"
        "  - {name: up, url-base: 'https://x.example/up'}\n"
        "  - {name: own, url-base: 'https://x.example/own/'}\n"
        "  projects:\n"
        "  - name: zephyr\n"
        "  - {name: hal, remote: own, repo-path: deep/hal.git, path: modules/hal,\n"
        f"     revision: {SHA}}}\n"
        "  - {name: tool, url: 'https://y.example/tool', revision: v1, clone-depth: 1}\n"
        "  self: {path: app}\n"
    )
    assert books(translate("west", text)) == [
        ("modules/hal", "https://x.example/own/deep/hal.git", SHA),
        ("tool", "https://y.example/tool", "v1"),
        ("zephyr", "https://x.example/up/zephyr", "main"),
    ]
    with pytest.raises(GitshelfError, match="theirs:7: book zephyr: there is no remote nope"):
        translate("west", text.replace("name: zephyr", "name: zephyr\n    remote: nope"))
    with pytest.raises(GitshelfError, match="theirs:8: book zephyr: it imports the projects"):
        translate("west", text.replace("name: zephyr", "name: zephyr\n    import: true"))


ANDROID = f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest>
  <remote name="up" fetch=".." revision="main"/>
  <remote name="other" fetch="ssh://git@y.example/x"/>
  <default remote="up" revision="refs/tags/v9" sync-j="4"/>
  <project name="platform/build" path="build/make">
    <linkfile src="core/root.mk" dest="Makefile"/>
    <linkfile src="core" dest="a/b"/>
  </project>
  <project name="tool" remote="other" revision="{SHA}" upstream="refs/heads/stable"/>
</manifest>
"""


def test_manifest_of_repo(translate: Callable[..., Manifest]) -> None:
    found = translate("repo", ANDROID, base="ssh://git.example/platform/manifest")
    assert books(found) == [
        ("build/make", "ssh://git.example/platform/build", "main"),
        ("tool", "ssh://git@y.example/x/tool", SHA),
    ]
    assert found.books[1].track == "stable"
    assert [(link.place, link.target) for link in found.links] == [
        ("Makefile", "build/make/core/root.mk"),
        ("a/b", "../build/make/core"),
    ]
    with pytest.raises(GitshelfError, match=r"theirs:3: the remote up is relative \(\.\.\)"):
        translate("repo", ANDROID)


@pytest.mark.parametrize(
    ("written", "branch"),
    [
        ("main", "main"),
        ("origin/stable/2", "refs/heads/stable/2"),
        ("remotes/origin/x", "refs/heads/x"),
        ("refs/remotes/origin/HEAD", "HEAD"),
        ("tags/v1", "refs/tags/v1"),
        ("heads/v1", "refs/heads/v1"),
        ("refs/changes/12/3412/5", "refs/changes/12/3412/5"),
        (SHA, SHA),
    ],
)
def test_revision_of_a_clone_is_that_of_the_server(
    translate: Callable[..., Manifest], written: str, branch: str
) -> None:
    texts = {
        "vcstool": f"repositories: {{a: {{type: git, url: /a, version: {written}}}}}\n",
        "ansible": f"roles: [{{name: a, src: /a, scm: git, version: {written}}}]\n"
        f"collections: [{{name: a.b, source: '/b', type: git, version: {written}}}]\n",
    }
    for kind, text in texts.items():
        assert {one.branch for one in translate(kind, text).books} == {branch}


def test_change_that_west_fetches_is_written_in_full(translate: Callable[..., Manifest]) -> None:
    names = ["pull/12/head", "merge-requests/3/merge", "changes/12/3412/5", "pull/me"]
    projects = ", ".join(
        f"{{name: p{number}, url: /p, revision: {name}}}" for number, name in enumerate(names)
    )
    found = translate("west", f"manifest: {{projects: [{projects}]}}")
    assert [one.branch for one in found.books] == [*(f"refs/{n}" for n in names[:3]), "pull/me"]


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("vcstool", "", "theirs:1: the file is empty"),
        ("vcstool", "a: 1\n", "theirs:1: the file has no `repositories`"),
        ("vcstool", "repositories: [1]\n", "theirs:1: repositories must be a mapping"),
        ("vcstool", "repositories:\n  a: {type: git}\n", "theirs:2: a has no `url`"),
        ("vcstool", "repositories:\n  ../a: {type: git, url: 'https://x.example/a'}\n", "theirs:2"),
        ("vcstool", "repositories:\n  a: {type: git, url: 'https://u:p@x.example/a'}\n", "user or"),
        ("vcstool", "repositories:\n  a: {type: git, url: 'https://x.example/{t}'}\n", "replaces"),
        ("vcstool", "a: [\n", "theirs:2: not YAML"),
        ("west", "manifest: {projects: [{}]}\n", "theirs:1: the project has no `name`"),
        ("west", "manifest: {projects: [{name: a}]}\n", "neither `url` nor `remote`"),
        ("ansible", "x: 1\n", "has no `roles`"),
        ("repo", "<manifest>\n<project/></manifest>", "theirs:2: the project has no `name`"),
        ("repo", "<manifest>\n<project name='a'/></manifest>", "it has no `remote`"),
        ("repo", "<manifest>\n", "theirs:2: not XML: no element found"),
        ("repo", "<!DOCTYPE a [<!ENTITY b 'c'>]><manifest/>", "theirs:1: a document type"),
        ("vcstol", "", "there is no format vcstol"),
    ],
)
def test_file_that_is_not_as_it_should_be_is_one_error(
    translate: Callable[..., Manifest], kind: str, text: str, message: str
) -> None:
    with pytest.raises(GitshelfError, match=message.replace("(", r"\(")):
        translate(kind, text)


def test_installed_plugin_is_a_format(
    translate: Callable[..., Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("mine", f"{__name__}:_mine", importers.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: _mine)
    monkeypatch.setattr(
        importers,
        "entry_points",
        lambda group, name="mine": [point] if name == "mine" else [],
    )
    assert "mine" in importers.formats()
    assert books(translate("mine", "x")) == [("x", "https://x.example/x", "HEAD")]


def _mine(source: Source) -> Translation:
    name = source.text()
    return Translation([Imported(name, source.at(1, name), f"https://x.example/{name}")])


@pytest.mark.parametrize("nothing", ["", "~", "null", "NULL"])
def test_key_without_a_value_is_one_that_is_not_there(
    translate: Callable[..., Manifest], nothing: str
) -> None:
    """YAML's null is no branch of that name."""
    vcs = f"repositories:\n  a:\n    type: git\n    url: /x\n    version: {nothing}\n"
    west = (
        "manifest:\n  defaults:\n    remote: up\n    revision: main\n"
        "  remotes:\n  - name: up\n    url-base: https://x.example\n"
        f"  projects:\n  - name: a\n    path: {nothing}\n    revision: {nothing}\n"
        f"    repo-path: {nothing}\n"
    )
    role = f"roles:\n- src: https://x.example/a.git\n  name: a\n  scm: git\n  version: {nothing}\n"
    assert books(translate("vcstool", vcs)) == [("a", "/x", "HEAD")]
    assert books(translate("west", west)) == [("a", "https://x.example/a", "main")]
    assert [one[2] for one in books(translate("ansible", role))] == ["HEAD"]


def test_text_that_only_looks_like_nothing_is_kept(translate: Callable[..., Manifest]) -> None:
    vcs = "repositories:\n  a:\n    type: git\n    url: /x\n    version: 'null'\n"
    assert books(translate("vcstool", vcs)) == [("a", "/x", "null")]
