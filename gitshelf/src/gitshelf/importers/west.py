"""west's `west.yml` (Zephyr's documentation, "West Manifests"; west's manifest-schema.yml)."""

from __future__ import annotations

from gitshelf.importers.keys import Key, Vocabulary, carried, left_out
from gitshelf.importers.model import Source, Translation

_COMMANDS = left_out("commands for west")
_DATA = left_out("values for other programs")
_FILTERS = "nothing to write: which of the imported projects are books"


def _filters() -> dict[str, Key]:
    names = [f"{what}-{kind}" for what in ("name", "path") for kind in ("allowlist", "blocklist")]
    old = [f"{what}-{kind}" for what in ("name", "path") for kind in ("whitelist", "blacklist")]
    return {
        **dict.fromkeys(names, carried(_FILTERS)),
        **dict.fromkeys(old, carried("as the newer name with `allowlist` or `blocklist`")),
    }


KEYS = Vocabulary(
    {
        "": {"manifest": carried("what is below it")},
        "manifest.": {
            "version": left_out("which west can read the file"),
            "defaults": carried("what projects do not say themselves"),
            "remotes": carried("the beginning of each `git`"),
            "projects": carried("the books"),
            "group-filter": carried(
                "nothing to write: projects whose groups are all off are left out, as west does"
            ),
            "self": carried("what it imports"),
        },
        "defaults.": {
            "remote": carried("the remote of projects that have neither `remote` nor `url`"),
            "revision": carried("`branch` of projects that have none; else `master`"),
        },
        "remotes[].": {
            "name": carried("nothing to write: projects name it"),
            "url-base": carried("the beginning of `git`"),
        },
        "projects[].": {
            "name": carried("`book`, if there is no `path`"),
            "path": carried("`book`"),
            "url": carried("`git`"),
            "remote": carried("the beginning of `git`"),
            "repo-path": carried("the end of `git`; `name` if there is none"),
            "revision": carried("`branch`; `pull/…` and the like in full, as `refs/pull/…`"),
            "submodules": carried(
                "`submodules: include`; that a list names only some of them is refused"
            ),
            "import": carried(
                "the projects of the manifests that it names, read from the project's repository; "
                "refused if that cannot be asked"
            ),
            "groups": carried("nothing to write: see `group-filter`"),
            "description": left_out("a text for people"),
            "clone-depth": left_out("how west fetches: for a build no clone is made"),
            "west-commands": _COMMANDS,
            "userdata": _DATA,
        },
        "import.": {
            "file": carried("nothing to write: which file or folder; else `west.yml`"),
            "path-prefix": carried("the beginning of `book`"),
            **_filters(),
        },
        "self.": {
            "import": carried("the projects of these files of the manifest's repository"),
            "path": left_out(
                'the place of the manifest\'s own repository, which is no book: `git: "{here}"` '
                "would take it into the kit"
            ),
            "west-commands": _COMMANDS,
            "userdata": _DATA,
        },
        "submodules[].": {
            "path": carried("named in the refusal"),
            "name": left_out("what git calls the submodule"),
        },
    }
)


def read(source: Source) -> Translation:
    """The projects of a west manifest and of those that it imports; the manifest's own repository
    is not among them."""
    from gitshelf.importers.west_manifests import Manifests

    translation = Translation()
    Manifests(KEYS, translation).read(source)
    return translation
