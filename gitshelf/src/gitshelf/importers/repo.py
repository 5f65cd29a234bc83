"""Android repo's manifests (its docs/manifest-format.md, with its manifest_xml.py where that says
more)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gitshelf.importers.keys import Key, Vocabulary, carried, left_out, refused
from gitshelf.importers.model import Source, Translation
from gitshelf.importers.repo_projects import Projects
from gitshelf.importers.repo_remotes import Remotes
from gitshelf.importers.repo_xml import Element, elements

_TRANSFER = left_out("how repo transfers what it fetches")
_REVIEW = left_out("where changes are uploaded to")
_ANNOTATION: dict[str, Key] = {
    "<annotation>": left_out("a value for the commands of `repo forall`")
}
_FILES = {
    "<linkfile>": carried("a book with `link`; a `src` with `*`, `?` or `[` is refused"),
    "<copyfile>": refused("a kit has links, but no second copy of a file; make it a linkfile"),
}
_SOURCE_AND_TARGET = {"src": carried("where the link leads"), "dest": carried("`book`")}
_GROUPS = carried(
    "nothing to write: a project of the group `notdefault` is left out, as repo does, unless it is "
    "in `platform-linux`, too"
)
_BASE_REV = carried("nothing to write: where it differs from what is changed, that is refused")


def _as_a_whole(fate: Callable[[str], Key], **attributes: str) -> dict[str, dict[str, Key]]:
    """Sections of elements whose attributes nobody looks at."""
    return {
        f"<{tag}> ": dict.fromkeys(names.split(), fate("with the element"))
        for tag, names in attributes.items()
    }


KEYS = Vocabulary(
    {
        "<manifest> ": {
            "<remote>": carried("the beginning of each `git`"),
            "<default>": carried("what projects do not say themselves"),
            "<project>": carried("a book"),
            "<extend-project>": carried("the changed book"),
            "<remove-project>": carried("nothing to write: that book is gone"),
            "<include>": carried(
                "what is in that file of the manifest's repository; one outside it, and a circle, "
                "are refused"
            ),
            "<submanifest>": refused("its manifest is in another repository: import it there"),
            "<notice>": left_out("a text for whoever runs `repo sync`"),
            "<manifest-server>": left_out("a server for `repo smartsync`"),
            "<superproject>": left_out("a shortcut of `repo sync`"),
            "<contactinfo>": left_out("where to report bugs of the manifest"),
            "<repo-hooks>": left_out("what `repo upload` runs"),
        },
        "<remote> ": {
            "name": carried("nothing to write: projects name it"),
            "fetch": carried("the beginning of `git`; relative to `--base`"),
            "revision": carried("`branch` of projects that have none"),
            "alias": left_out("the name of git's remote"),
            "pushurl": left_out("where is pushed to"),
            "review": _REVIEW,
            **_ANNOTATION,
        },
        "<default> ": {
            "remote": carried("the remote of projects that have none"),
            "revision": carried("`branch` of projects whose remote has none either"),
            "upstream": carried("as `<project> upstream`"),
            "sync-s": carried("as `<project> sync-s`"),
            "dest-branch": _REVIEW,
            "sync-j": _TRANSFER,
            "sync-j-max": _TRANSFER,
            "sync-c": _TRANSFER,
            "sync-tags": _TRANSFER,
        },
        "<project> ": {
            "name": carried("the end of `git`; below another project, after that one's name"),
            "path": carried("`book`, `name` if there is none; below another project, in it"),
            "remote": carried("the beginning of `git`"),
            "revision": carried("`branch`"),
            "upstream": carried(
                "`track`, where `revision` is a SHA and this a branch; else it is left out"
            ),
            "groups": _GROUPS,
            "sync-s": carried("`submodules: include`"),
            "dest-branch": _REVIEW,
            "sync-c": _TRANSFER,
            "sync-tags": _TRANSFER,
            "sync-strategy": _TRANSFER,
            "clone-depth": _TRANSFER,
            "force-path": left_out("the layout of a mirror"),
            "rebase": left_out("what `repo sync` does to local work"),
            "<project>": carried("a book within the book"),
            **_FILES,
            **_ANNOTATION,
        },
        "<extend-project> ": {
            "name": carried("nothing to write: which books change"),
            "path": carried("nothing to write: which of them changes"),
            "dest-path": carried("`book`"),
            "revision": carried("`branch`"),
            "remote": carried("the beginning of `git`"),
            "upstream": carried("as `<project> upstream`"),
            "groups": _GROUPS,
            "base-rev": _BASE_REV,
            "dest-branch": _REVIEW,
            **_FILES,
            **_ANNOTATION,
        },
        "<remove-project> ": {
            "name": carried("nothing to write: which books are gone"),
            "path": carried("nothing to write: which books are gone"),
            "optional": carried("nothing to write: no such book is fine"),
            "base-rev": _BASE_REV,
        },
        "<include> ": {
            "name": carried("nothing to write: the file, from the top of the repository"),
            "groups": carried("as `<project> groups`, for all projects of the file"),
            "revision": carried("`branch` of projects of the file that have none"),
        },
        "<linkfile> ": _SOURCE_AND_TARGET,
        **_as_a_whole(refused, copyfile="src dest"),
        **_as_a_whole(
            refused,
            submanifest="name remote project manifest-name revision path groups default-groups",
        ),
        **_as_a_whole(
            left_out,
            **{
                "annotation": "name value keep",
                "manifest-server": "url helper",
                "superproject": "name remote revision",
                "contactinfo": "bugurl",
                "repo-hooks": "in-project enabled-list",
            },
        ),
    }
)


def read(source: Source) -> Translation:
    """The projects of a manifest. A relative `fetch` begins at `source.base`, the URL of the
    repository that holds the manifest. Projects of the group `notdefault` are left out, as repo
    does."""
    translation = Translation()
    all_elements = elements(source, KEYS, translation)
    remotes = Remotes(source.base, translation)
    remotes.read(_tagged(all_elements, "remote"), _tagged(all_elements, "default"))
    projects = Projects(remotes, translation)
    steps = {
        "project": projects.add,
        "extend-project": projects.extend,
        "remove-project": projects.remove,
    }
    for element in all_elements:
        if element.tag in steps:
            with translation.losing():
                steps[element.tag](element)
    projects.finish()
    return translation


def _tagged(all_elements: Sequence[Element], tag: str) -> list[Element]:
    return [element for element in all_elements if element.tag == tag]
