"""vcstool's `.repos`: `repositories: {PATH: {type, url, version}}` (its README)."""

from __future__ import annotations

from gitshelf.importers.model import Imported, Source, Translation


def read(source: Source) -> Translation:
    """The books of a `.repos` file; without `version`, what the server's HEAD names."""
    root = source.yaml()
    top = source.values(root, "the file")
    if "repositories" not in top:
        raise source.missing("repositories", root, "the file")
    translation = Translation()
    for path, node in source.values(top["repositories"], "repositories").items():
        one = source.values(node, path)
        location = source.at(node, path)
        kind = source.required(one, "type", node, path)
        if kind != "git":
            translation.lose(location, f"its type is {kind}, not git")
            continue
        url = source.required(one, "url", node, path)
        translation.books.append(
            Imported(path, location, url, source.scalar(one, "version", "HEAD"))
        )
    return translation
