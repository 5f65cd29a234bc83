"""What the names of branches and tags stand for, by what a repository advertises."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitshelf.base.errors import GitshelfError
from gitshelf.base.process import Result
from gitshelf.formats import gitobjects


class UnknownCommit(GitshelfError):
    """The repository answers, but does not have the commit, branch or tag `wanted`."""

    def __init__(self, wanted: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Ref:
    """What a name stands for in a repository: the commit or tag object, and whether the name is
    a branch's or a tag's ("" else: HEAD is neither)."""

    id: str
    branch: str = ""
    tag: str = ""


def candidates(name: str) -> list[str]:
    """The refs that a name may mean, as patterns of `ls-remote`."""
    if name == "HEAD":
        return ["HEAD"]
    if name.startswith("refs/"):
        return [name, name + "^{}"]
    return [f"refs/heads/{name}", f"refs/tags/{name}", f"refs/tags/{name}^{{}}"]


def parse_refs(result: Result) -> dict[str, str]:
    """The id of each ref in the output of `ls-remote`."""
    refs = {}
    for line in result.out.decode("utf-8", "surrogateescape").splitlines():
        object_id, _, ref = line.partition("\t")
        if gitobjects.is_id(object_id):
            refs[ref] = object_id
    return refs


def choose_ref(name: str, url: str, advertised: dict[str, str]) -> Ref:
    """What `name` stands for among the refs that `url` advertised. Raises UnknownCommit if it is
    neither a branch nor a tag, or both."""
    names = candidates(name)
    if len(names) == 3:
        branch, tag = (advertised.get(ref) for ref in names[:2])
        tag = advertised.get(names[2], tag)
        if branch and tag and branch != tag:
            raise UnknownCommit(
                name,
                f"{name} is both a branch and a tag of {url}",
                f"write refs/heads/{name} or refs/tags/{name}",
            )
        is_branch, object_id = bool(branch), branch or tag
    else:
        is_branch = name.startswith("refs/heads/")
        object_id = advertised.get(names[-1]) or advertised.get(names[0])
    if not object_id:
        short = re.fullmatch(r"[0-9a-f]{7,39}", name) is not None
        raise UnknownCommit(
            name,
            f"{url} has no branch or tag {name}",
            "write all digits of the SHA" if short else "correct `branch` (master when left out)",
        )
    if is_branch:
        return Ref(object_id, branch=name.removeprefix("refs/heads/"))
    if len(names) == 3 or name.startswith("refs/tags/"):
        return Ref(object_id, tag=name.removeprefix("refs/tags/"))
    return Ref(object_id)
