"""What cannot be imported is listed, all of it, and the rest is imported; no secret leaks."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.cache import retries
from gitshelf.importers.model import Source
from gitshelf.importers.repositories import look
from gitshelf.manifest import Manifest
from gitshelf.resolution import Options

Put = Callable[..., Path]
Lost = Callable[..., list[str]]
ImportFile = Callable[..., Manifest]
Cli = Callable[..., Any]
Repo = Any

SITES = {
    "vcstool": (
        "repositories:\n"
        "  good: {type: git, url: 'https://x.example/good'}\n"
        "  ../out: {type: git, url: 'https://x.example/out'}\n"
        "  old: {type: hg, url: 'https://x.example/old'}\n"
        "  bare: {type: git}\n"
        "  empty:\n"
        "  pair: {type: git, url: 'https://x.example/1'}\n"
        "  pair: {type: git, url: 'https://x.example/2'}\n"
        "  bad: {type: git, url: 'https://x.example/bad', version: 'a b'}\n"
        "  /good: {type: git, url: 'https://x.example/too'}\n"
        "  text: [1]\n",
        [
            "3: book ../out: the place '../out' is outside the shelf",
            "4: book old: its type is hg, not git",
            "5: bare has no `url`",
            "6: empty has no `type`",
            "7: `pair` is there twice in repositories; that of line 8 is taken",
            "9: book bad: `branch` is not the name of a branch, tag or commit: 'a b'",
            "10: book /good: the place is taken already (theirs:2: book good)",
            "11: repositories.PATH must be a mapping",
        ],
        ["good", "pair"],
    ),
    "west": (
        "manifest:\n"
        "  defaults: {remote: nope}\n"
        "  remotes: [{name: up, url-base: 'https://x.example'}, {name: half}]\n"
        "  projects:\n"
        "  - {name: good, remote: up}\n"
        "  - {name: both, remote: up, url: 'https://x.example/b'}\n"
        "  - {name: none}\n"
        "  - {name: a/b, remote: up}\n"
        "  - {path: nameless, remote: up}\n"
        "  - {name: some, remote: up, submodules: [{path: a}, {path: b/c}]}\n"
        "  - {name: good, remote: up, path: again}\n"
        "  - {name: mixed, remote: up, groups: [a], import: true}\n"
        "  - {name: far, remote: up, import: {file: sub.yml, path-prefix: deep}}\n"
        "  group-filter: [a]\n"
        "  self: {import: [gone.yml, true]}\n",
        [
            "2: the default remote nope is not defined",
            "3: the remote has no `url-base`",
            "6: book both: it has both `url` and `remote`",
            "7: book none: there is no remote nope",
            "8: book a/b: a project cannot be called a/b",
            "9: the project has no `name`",
            "10: book some: only the submodules a, b/c are wanted",
            "11: book again: the name good is used twice",
            "12: book mixed: it has both `groups` and `import`",
            "13: book far: it imports the projects of its own manifest, which cannot be read",
            "14: the group a begins with neither + nor -",
            "15: `self` cannot import `true`",
            "15: `self` imports gone.yml: there is no such file",
        ],
        ["deep/far", "good", "some"],
    ),
    "repo": (
        "<manifest>\n"
        "<remote name='up' fetch='https://x.example'/>\n"
        "<remote name='up' fetch='https://y.example'/>\n"
        "<remote name='near' fetch='..'/>\n"
        "<remote name='void'/>\n"
        "<default remote='up' revision='main'/>\n"
        "<project name='good'/>\n"
        "<project name='lost' remote='nope'><linkfile src='a' dest='b'/>\n"
        "<project name='inner'/></project>\n"
        "<project name='one' remote='near'/><project name='two' remote='near'/>\n"
        "<project name='../up'/>\n"
        "<project name='other' path='good'/>\n"
        "<project name='links'><linkfile src='*' dest='all'/>\n"
        "<linkfile src='../x' dest='y'/>\n"
        "<linkfile src='z' dest='../z'/>\n"
        "<linkfile src='l' dest='good'/>\n"
        "<linkfile src='l' dest='over'/></project>\n"
        "<project name='under' path='over/under'/>\n"
        "<extend-project name='never' revision='x'><linkfile src='a' dest='n'/></extend-project>\n"
        "<extend-project name='good' revision='v2' base-rev='v1'/>\n"
        "<remove-project name='never'/>\n"
        "<copyfile src='a' dest='b'/>\n"
        "<submanifest name='sub'/>\n"
        "<include name='gone.xml'/>\n"
        "<project name='empty' remote='void'/>\n"
        "</manifest>\n",
        [
            "3: the remote up is there with other values (theirs:2)",
            "4: the remote near is relative (..); say with --base URL which repository holds this "
            "manifest; lost with it: one, two",
            "5: the remote has no `fetch`; write `fetch`; lost with it: empty",
            "8: <linkfile> b, with the project it is in",
            "8: book lost: there is no remote nope",
            "9: <project> inner, with the project it is in",
            "11: `name` of the project has .. in it: ../up",
            "12: book good: the place is taken already",
            "13: book all: a link to each of *",
            "14: `src` of the linkfile has .. in it: ../x",
            "15: `dest` of the linkfile has .. in it: ../z",
            "16: book good: the place is taken already",
            "18: book over/under: it would lie under the link of line 17",
            "19: <extend-project> never: there is no such project",
            "19: <linkfile> n, with the project it is in",
            "20: book good: <extend-project> is for `base-rev` v1, and the project is at main",
            "21: <remove-project> never: there is no such project",
            "22: <copyfile> b, which this format does not have",
            "23: <submanifest> sub: its manifest is in another repository",
            "24: <include> gone.xml: there is no such file",
        ],
        ["good", "links", "over"],
    ),
    "ansible": (
        "roles:\n"
        "- {src: 'https://x.example/good.git'}\n"
        "- someone.galaxy\n"
        "- {src: 'hg+https://x.example/old'}\n"
        "- {name: m, src: 'https://x.example/m', scm: hg}\n"
        "- a,b,c,d\n"
        "- {version: v1}\n"
        "- {include: gone.yml}\n"
        "- [1]\n"
        "- https://x.example/role.tar.gz\n"
        "collections:\n"
        "- some.thing\n"
        "- {name: some.thing, type: git}\n"
        "- {name: a.b, source: 'https://x.example/b.git', type: git, version: '>=1,<2'}\n"
        "- {name: 'https://x.example/far.git', type: git}\n"
        "- {name: a.c, source: './c', type: dir}\n"
        "- {type: git}\n"
        "- {name: a.d, source: 'https://x.example/d.git#/d/,v1', type: git}\n",
        [
            "3: the role someone.galaxy does not come from git",
            "4: the role hg+https://x.example/old does not come from git",
            "5: the role https://x.example/m does not come from git",
            "6: a role of more than three parts",
            "7: the role has no `src`",
            "8: `include` gone.yml: there is no such file",
            "9: roles must be a mapping",
            "10: the role https://x.example/role.tar.gz does not come from git",
            "12: the collection some.thing does not come from git",
            "13: the collection some.thing does not come from git",
            "14: >=1,<2 is a range of versions",
            "15: the namespace and name of the collection https://x.example/far.git are in its "
            "galaxy.yml, which cannot be read: ",
            "16: the collection a.c does not come from git",
            "17: the collection has no `name`",
        ],
        ["collections/ansible_collections/a/d", "roles/good"],
    ),
}


@pytest.mark.parametrize("kind", SITES)
def test_all_that_is_lost_is_listed_in_one_refusal_or_in_comments(
    kind: str, put: Put, manifest_of: ImportFile, lost: Lost
) -> None:
    text, wanted, places = SITES[kind]
    file = put({"theirs": text})
    start = "# Not imported: theirs:"
    noted = [one.removeprefix(start) for one in lost(kind, file) if one.startswith(start)]
    assert [one[: len(begin)] for one, begin in zip(noted, wanted, strict=False)] == wanted
    assert len(noted) == len(wanted), noted
    with pytest.raises(Refused) as refusal:
        manifest_of(kind, file)
    lines = refusal.value.message.replace(f"{file.parent}/", "").splitlines()
    assert [line.removeprefix("  theirs:") for line in lines[1:]] == noted
    found = manifest_of(kind, file, partial=True)
    assert sorted(one.place for one in [*found.books, *found.links]) == places


def test_west_list_of_submodules_takes_all_of_them(put: Put, manifest_of: ImportFile) -> None:
    books = manifest_of("west", put({"theirs": SITES["west"][0]}), partial=True).books
    assert {one.place: one.policies.submodules for one in books}["some"] == "include"


SECRETS = {
    "https://reader:{}@x.example/a.git": "has a user or password in it",
    "https://{}@x.example/a.git": "has a user or password in it",
    "https://${{{}}}@x.example/a.git": "has a user or password in it",
    "https://kim:p/{}@x.example/a.git": "has a user or password in it",
    "ssh://git:{}@x.example/a.git": "has a user or password in it",
    "kim:{}@x.example:a.git": "has a user or password in it",
    "https://x.example/a.git?private_token={}": "has a token in it",
    "https://x.example/a.git?x=1&ACCESS_KEY={}": "has a token in it",
}
HOLDERS: dict[str, Callable[[str], str]] = {
    "vcstool": lambda url: json.dumps(
        {"repositories": {"a": {"type": "git", "url": url}, "b": {"type": "hg", "url": url}}}
    ),
    "west": lambda url: json.dumps(
        {
            "manifest": {
                "remotes": [{"name": "r", "url-base": url.rpartition("/")[0] or url}],
                "projects": [
                    {"name": "a", "url": url, "import": True, "userdata": url},
                    {"name": "b", "remote": "r", "repo-path": url.rpartition("/")[2]},
                ],
            }
        }
    ),
    "repo": lambda url: (
        f"<manifest><remote name='r' fetch='{url}' pushurl='{url}'/>"
        f"<default remote='r' revision='main'/><project name='a'/>"
        f"<project name='b' groups='{url}'/><manifest-server url='{url}'/></manifest>"
    ).replace("&", "&amp;"),
    "ansible": lambda url: json.dumps(
        {
            "roles": [{"src": url, "scm": "git"}, f"git+{url}", {"src": url, "scm": "hg"}, url],
            "collections": [
                {"name": url, "type": "git"},
                {"name": "a.b", "source": url, "type": "git"},
                {"name": "a.c", "source": url},
                {"name": url, "type": "url"},
                f"git+{url}#/sub,v1",
            ],
        }
    ),
}


@pytest.mark.parametrize("kind", HOLDERS)
@pytest.mark.parametrize("url", SECRETS)
def test_secret_in_a_url_is_neither_carried_nor_printed(
    kind: str, url: str, put: Put, text_of: Callable[..., str]
) -> None:
    file = put({"theirs": HOLDERS[kind](url.format("t0psecret"))})
    text = text_of(kind, file, partial=True)
    assert SECRETS[url] in text
    assert "books: []" in text
    with pytest.raises(Refused) as refusal:
        text_of(kind, file)
    for said in (text, refusal.value.message, refusal.value.remedy):
        assert "t0psecret" not in said


def test_user_of_ssh_is_carried(put: Put, manifest_of: ImportFile) -> None:
    urls = ["ssh://git@x.example:29418/a", "git@x.example:b.git", "https://x.example:8443/c@d"]
    one_each = {str(number): {"type": "git", "url": url} for number, url in enumerate(urls)}
    file = put({"theirs": json.dumps({"repositories": one_each})})
    assert [one.url for one in manifest_of("vcstool", file).books] == urls


INCLUDING: dict[str, Callable[[str], str]] = {
    "vcstool": lambda name: json.dumps({"extends": name, "repositories": {}}),
    "west": lambda name: json.dumps({"manifest": {"self": {"import": name}}}),
    "repo": lambda name: f"<manifest><include name='{name}'/></manifest>",
    "ansible": lambda name: json.dumps([{"include": name}]),
}


@pytest.mark.parametrize("kind", INCLUDING)
@pytest.mark.parametrize("way", ["..", "absolute", "link", "URL", "long"])
def test_file_outside_of_the_repository_is_not_read(
    kind: str, way: str, put: Put, lost: Lost, tmp_path: Path
) -> None:
    other = put({"other": "repositories: {secret: {type: git, url: 'https://x.example/secret'}}"})
    name = {
        "..": "../other",
        "absolute": str(other),
        "link": "inside",
        "URL": f"{other.as_uri()}",
        "long": "x" * 5000,
    }[way]
    file = put({"theirs": INCLUDING[kind](name)}, tmp_path / "here")
    (file.parent / ".git").mkdir()
    (file.parent / "inside").symlink_to(other)
    (note,) = lost(kind, file)
    assert note.startswith("# Not imported: theirs:1: ")
    reasons = {"URL": "a URL, not a file here", "long": "cannot be read"}
    assert reasons.get(way, "it is outside") in note
    assert "secret" not in note


@pytest.mark.parametrize("kind", INCLUDING)
def test_circle_of_files_is_refused_with_the_files_on_its_way(
    kind: str, put: Put, lost: Lost
) -> None:
    names = ["theirs", "b", "c"]
    pairs = zip(names, [*names[1:], "b"], strict=True)
    file = put({name: INCLUDING[kind](following) for name, following in pairs})
    (note,) = lost(kind, file)
    assert note.startswith("# Not imported: c:1: a circle of files: ")
    assert [Path(one).name for one in note.split("files: ")[1].split("; ")[0].split(" -> ")] == [
        "b",
        "c",
        "b",
    ]


@pytest.mark.parametrize("kind", INCLUDING)
def test_files_that_include_each_other_without_bounds_are_not_all_read(
    kind: str, put: Put, lost: Lost
) -> None:
    def twice(name: str) -> str:
        one = INCLUDING[kind](name)
        if kind == "repo":
            return one.replace("<include", f"<include name='{name}'/><include")
        if kind == "ansible":
            return json.dumps([{"include": name}] * 2)
        return one.replace(f'"{name}"', f'["{name}", "./{name}"]')

    file = put({"theirs": twice("1"), **{str(n): twice(str(n + 1)) for n in range(1, 60)}})
    notes = lost(kind, file)
    assert any("30 deep, or more than 500 in all" in note for note in notes)
    assert len(notes) < 2000


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a [<!ENTITY b 'c'>]><manifest/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><manifest/>",
        '<?xml version="1.0" encoding="shift_jis"?><manifest/>',
        '<?xml version="1.0" encoding="no-such"?><manifest/>',
        "<manifest>" + "<project name='a'>" * 100,
        "<a/>",
        "",
    ],
)
def test_xml_that_could_grow_or_is_none_is_an_error_with_its_line(
    text: str, put: Put, text_of: Callable[..., str]
) -> None:
    with pytest.raises(GitshelfError, match="theirs:1: "):
        text_of("repo", put({"theirs": text}), partial=True)


@pytest.mark.parametrize("kind", ["vcstool", "west", "ansible"])
def test_yaml_that_is_nested_very_deep_is_an_error(
    kind: str, put: Put, text_of: Callable[..., str]
) -> None:
    for text in ("[" * 100_000, "- " * 100_000 + "a"):
        with pytest.raises(GitshelfError, match=r"theirs:1: .*nested (more than|too)"):
            text_of(kind, put({"theirs": text}))


def test_command_says_how_much_was_left_out(run_cli: Cli, put: Put, tmp_path: Path) -> None:
    text = (
        "<manifest><remote name='r' fetch='https://x.example'/>\n"
        "<default remote='r' revision='main' sync-j='4'/>\n"
        "<project name='a' clone-depth='1'/>\n<project name='b' clone-depth='1'/>\n"
        "<project name='c' groups='notdefault'/></manifest>"
    )
    file = put({"theirs": text})
    said = run_cli("import", "repo", file)
    assert said.code == 0
    assert [line for line in said.out.splitlines() if line.startswith("#")] == [
        "# Imported from theirs (repo).",
        f"# Left out: {file}:2: `<default> sync-j`, how repo transfers what it fetches",
        f"# Left out: {file}:3, 4: `<project> clone-depth`, how repo transfers what it fetches",
        f"# Left out: {file}:5: the project c, in the group notdefault, as repo leaves it out",
    ]
    said = run_cli("import", "repo", file, "--output", tmp_path / "gitshelf.yml")
    assert "2 books, 3 things left out (see its comments)" in said.out
    said = json.loads(run_cli("import", "repo", file, "--json").out)
    assert (said["books"], said["not_imported"], said["left_out"]) == (2, 0, 3)


def test_collection_by_url_is_where_ansible_finds_it_at_its_version(
    repo: Repo, put: Put, manifest_of: ImportFile, lost: Lost
) -> None:
    repo.commit({b"galaxy.yml": b"namespace: acme\nname: old\n"}, branch="stable/1")
    needs = b"dependencies: {acme.old: '*', other.thing: '>=2'}\n"
    repo.commit({b"deep/galaxy.yml": b"namespace: acme\nname: kite\n" + needs}, branch="main")
    repo.commit({b"galaxy.yml": b"namespace: ../..\nname: evil\n"}, branch="evil")
    repo.commit({b"galaxy.yml": b"x" * (5 << 20)}, branch="huge")
    file = put(
        {
            "theirs": "collections:\n"
            f"- {{name: '{repo.url}', type: git, version: stable/1}}\n"
            f"- git+{repo.url}#/deep,main\n"
            f"- {{name: '{repo.url}', type: git, version: evil}}\n"
            f"- {{name: '{repo.url}', type: git, version: huge}}\n"
            f"- {{name: '{repo.url}', type: git, version: none}}\n"
        }
    )
    books = manifest_of("ansible", file, partial=True).books
    assert [(one.place.partition("/ansible_")[2], one.branch, one.path) for one in books] == [
        ("collections/acme/kite", "main", "deep"),
        ("collections/acme/old", "stable/1", ""),
    ]
    notes = [note.removeprefix("# Not imported: theirs:") for note in lost("ansible", file)]
    assert notes[0].startswith("3: acme.kite depends on other.thing")
    for note, reason in zip(
        notes[1:], ["../...evil is no name", "there is no galaxy.yml", "no branch or tag none"],
        strict=True,
    ):  # fmt: skip
        assert reason in note
        assert "write `name: NAMESPACE.NAME` and the URL as `source`" in note


def test_name_that_galaxy_yml_has_counts_as_it_does_for_ansible(
    repo: Repo, put: Put, manifest_of: ImportFile, lost: Lost
) -> None:
    repo.commit({b"galaxy.yml": b"namespace: acme\nname: kite\n"})
    text = (
        f"collections:\n- {{name: acme.other, source: '{repo.url}', type: git}}\n"
        "- {name: acme.far, source: 'https://x.example/far', type: git}\n"
        f"- {{name: 'git+{repo.url}', source: 'https://x.example', version: master}}\n"
    )
    file = put({"theirs": text})
    books = manifest_of("ansible", file, partial=True).books
    assert [one.place.rpartition("/")[2] for one in books] == ["far", "kite"]
    assert [note.partition(" theirs:")[2] for note in lost("ansible", file)] == [
        "4: book collections/ansible_collections/acme/kite: the place is taken already (theirs:2: "
        "book collections/ansible_collections/acme/kite)",
        "2: the name acme.other, as its galaxy.yml has another, which counts",
        "3: what acme.far depends on, as its galaxy.yml cannot be read",
        "4: `collections[].source`, as `name` is a URL already",
    ]


def test_manifest_that_a_repository_brings_cannot_lead_to_folders_here(
    put: Put, lost: Lost, tmp_path: Path
) -> None:
    def west(url: str) -> str:
        return f"manifest: {{projects: [{{name: n, url: '{url}', import: true}}]}}"

    source = Source("x", b"", options=Options(cache=tmp_path), origin="https://x.example/z")
    with pytest.raises(GitshelfError, match="is a folder of this machine"):
        look(source, str(tmp_path), "HEAD", lambda tree: tree)
    subprocess.run(["git", "init", "-q", tmp_path / "empty"], check=True, timeout=60)
    (note,) = lost("west", put({"theirs": west((tmp_path / "empty").as_uri())}))
    assert "it imports the projects of its own manifest, which cannot be read: " in note


def test_host_that_does_not_answer_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.0)
    source = Source("x", b"", options=Options(cache=tmp_path, timeout=20), chain=("x",))
    with pytest.raises(GitshelfError, match="4 tries"):
        look(source, "http://127.0.0.1:1/a", "main", lambda tree: tree)
    with pytest.raises(GitshelfError, match=r"127.0.0.1:1 did not answer before"):
        look(source, "http://127.0.0.1:1/b", "main", lambda tree: tree)
    with pytest.raises(GitshelfError, match="is not there"):
        look(source, str(tmp_path / "none"), "main", lambda tree: tree)
