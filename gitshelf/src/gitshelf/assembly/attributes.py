"""Which paths git's attributes export-ignore and export-subst mark, asked of git itself.

Most repositories mark none, and then git is not asked: only the .gitattributes files are read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from gitshelf import git
from gitshelf.base.errors import GitshelfError
from gitshelf.formats import gitobjects
from gitshelf.formats.gitobjects import Item, parse_tree
from gitshelf.git.reader import ObjectReader
from gitshelf.kit.lock import raw

_FILE = b".gitattributes"
_NAMES = ("export-ignore", "export-subst")


def marked_paths(
    reader: ObjectReader,
    root: str,
    path: str,
    above: Mapping[str, bytes],
    listing: list[Item],
) -> dict[str, list[bytes]]:
    """The paths in `listing` (relative to the folder `path` of the tree `root`) by attribute;
    `above` are the raw trees above the folder, by id.

    A path under a folder that is marked export-ignore counts as marked, as in `git archive`.
    """
    sources = [
        item.id
        for item in listing
        if item.path.endswith(_FILE) and item.mode != gitobjects.SUBMODULE
    ]
    sources += _attribute_files(above)
    if not any(b"export-" in content for _, content in reader.read(list(dict.fromkeys(sources)))):
        return {}
    prefix = raw(path) + b"/" if path else b""
    files = [prefix + item.path for item in listing]
    paths = sorted({folder for file in files for folder in _folders(file)} | set(files))
    marked = _check_attributes(reader.store, root, paths)
    ignored = marked["export-ignore"]
    start = len(prefix)
    return {
        "export-ignore": [
            file[start:]
            for file in files
            if file in ignored or not ignored.isdisjoint(_folders(file))
        ],
        "export-subst": [file[start:] for file in files if file in marked["export-subst"]],
    }


def _attribute_files(trees: Mapping[str, bytes]) -> list[str]:
    """The .gitattributes of raw trees."""
    items = [item for tree, content in trees.items() for item in parse_tree(content, tree)]
    return [item.id for item in items if item.path == _FILE]


def _folders(file: bytes) -> list[bytes]:
    """The folders above a file, each with its slash."""
    return [file[: i + 1] for i, byte in enumerate(file) if byte == 0x2F]


def _check_attributes(store: Path, root: str, paths: list[bytes]) -> dict[str, set[bytes]]:
    """The paths that `git check-attr` calls marked, by attribute; it reads an index of the tree in
    place of a work tree."""
    with tempfile.TemporaryDirectory(prefix="gitshelf-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        indexed = git.run(["read-tree", root], git_dir=store, extra_env=index)
        result = git.run(
            ["check-attr", "--cached", "--stdin", "-z", *_NAMES],
            git_dir=store,
            extra_env=index,
            input=b"".join(path + b"\0" for path in paths),
        )
    if not indexed.ok or not result.ok:
        reason = git.last_line(indexed.err + result.err)
        raise GitshelfError(f"git cannot tell attributes: {reason}")
    marked: dict[str, set[bytes]] = {name: set() for name in _NAMES}
    fields = result.out.split(b"\0")
    for path, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if value not in (b"unspecified", b"unset"):
            marked[name.decode()].add(path)
    return marked
