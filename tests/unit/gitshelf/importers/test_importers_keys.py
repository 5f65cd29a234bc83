"""Every key of a format is carried, refused or left out, and the page about it says the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gitshelf.importers import vocabularies
from gitshelf.importers.keys import Fate

Put = Callable[..., Path]
Lost = Callable[..., list[str]]

PAGE = Path(__file__).resolve().parents[4] / "gitshelf" / "docs" / "migrating.md"
HEADINGS = {
    "ansible": "Ansible requirements",
    "repo": "Android repo",
    "vcstool": "vcstool",
    "west": "west",
}


@pytest.mark.parametrize("kind", HEADINGS)
def test_page_has_the_table_that_the_reader_follows(kind: str) -> None:
    section = PAGE.read_text("utf-8").split(f"\n## {HEADINGS[kind]}\n")[1].split("\n## ")[0]
    written = re.findall(r"^\| `(.*?)` \| (.*) \|$", section, re.M)
    assert written == list(vocabularies()[kind].rows())


PROJECT = "    url: https://x.example/x\n"
PLACES = {
    "ansible": {
        "": "roles: []\nKEY: v\n",
        "roles[].": "roles:\n- src: https://x.example/x.git\n  KEY: v\n",
        "collections[].": (
            "collections:\n- source: https://x.example/x.git\n  name: a.b\n  type: git\n  KEY: v\n"
        ),
    },
    "vcstool": {
        "": "repositories: {}\nKEY: v\n",
        "repositories.PATH.": "repositories:\n  a:\n    type: git\n    KEY: v\n    url: /x\n",
        "rosinstall ": "- KEY:\n    local-name: a\n    uri: /x\n",
        "rosinstall git.": "- git:\n    local-name: a\n    uri: /x\n    KEY: v\n",
    },
    "west": {
        "": "manifest:\n  projects: []\nKEY: v\n",
        "manifest.": "manifest:\n  projects: []\n  KEY: v\n",
        "defaults.": "manifest:\n  defaults:\n    KEY: v\n",
        "remotes[].": "manifest:\n  remotes:\n  - name: a\n    url-base: /x\n    KEY: v\n",
        "projects[].": f"manifest:\n  projects:\n  - name: x\n{PROJECT}    KEY: v\n",
        "import.": (
            f"manifest:\n  projects:\n  - name: x\n{PROJECT}    import:\n      file: f\n"
            "      KEY: v\n"
        ),
        "self.": "manifest:\n  self:\n    KEY: v\n",
        "submodules[].": (
            f"manifest:\n  projects:\n  - name: x\n{PROJECT}    submodules:\n    - path: a\n"
            "      KEY: v\n"
        ),
    },
}
_TOP = '<remote name="a" fetch="https://x.example"/><default remote="a" revision="main"/>'
_IN_PROJECT = ("annotation", "copyfile", "linkfile")


def file_with(kind: str, section: str, key: str) -> str:
    """A file of a format that has a key at its place."""
    if kind != "repo":
        return PLACES[kind][section].replace("KEY", key)
    tag = section.strip("<> ")
    if key.startswith("<"):
        one = f"<{tag} name='p'>\n{key[:-1]} name='n' src='s' dest='d'/></{tag}>"
    else:
        one = f"\n<{tag} {key}='v'/>"
    if tag == "manifest":
        return f"<manifest>{_TOP}\n{key[:-1]} name='n'/></manifest>"
    if tag in _IN_PROJECT:
        one = f"<project name='p'>{one}</project>"
    return f"<manifest>{_TOP}{one}</manifest>"


def named_keys() -> Iterator[tuple[str, str, str, str]]:
    """Each key that is not carried: its format, its section, its name, and how its note begins."""
    starts = {Fate.REFUSED: "# Not imported", Fate.LEFT_OUT: "# Left out"}
    for kind, vocabulary in vocabularies().items():
        for section, keys in vocabulary.sections.items():
            for name, key in keys.items():
                # What is in an element that is not carried is not looked at.
                if key.fate in starts and key.means != "with the element":
                    yield kind, section, name, starts[key.fate]


@pytest.mark.parametrize(("kind", "section", "key", "start"), list(named_keys()))
def test_key_that_is_not_carried_is_named_with_its_line(
    kind: str, section: str, key: str, start: str, put: Put, lost: Lost
) -> None:
    text, shown = file_with(kind, section, key), key.rstrip(">")
    line = text[: text.rindex(shown)].count("\n") + 1
    notes = lost(kind, put({"theirs": text}))
    wanted = [note for note in notes if note.startswith(f"{start}: theirs:{line}: ")]
    assert [note for note in wanted if shown in note], notes


def sections() -> Iterator[tuple[str, str]]:
    """Each section whose keys are looked at: its format and its name."""
    for kind, vocabulary in vocabularies().items():
        for section, keys in vocabulary.sections.items():
            if {key.means for key in keys.values()} != {"with the element"}:
                yield kind, section


@pytest.mark.parametrize(("kind", "section"), list(sections()))
def test_key_that_nobody_knows_is_lost_by_its_name(
    kind: str, section: str, put: Put, lost: Lost
) -> None:
    text = file_with(kind, section, "<odd>" if section == "<manifest> " else "odd")
    line = text[: text.index("odd")].count("\n") + 1
    notes = lost(kind, put({"theirs": text}))
    assert [
        note
        for note in notes
        if note.startswith(f"# Not imported: theirs:{line}: ") and "odd" in note
    ], notes


def test_element_of_somebodys_own_is_left_out_by_its_name(put: Put, lost: Lost) -> None:
    text = f"<manifest>{_TOP}\n<x-mine a='b'/>\n<project name='p'><x-deep/></project></manifest>"
    assert lost("repo", put({"theirs": text})) == [
        "# Left out: theirs:2: <x-mine>, an element of somebody's own",
        "# Left out: theirs:3: <x-deep>, an element of somebody's own",
    ]
