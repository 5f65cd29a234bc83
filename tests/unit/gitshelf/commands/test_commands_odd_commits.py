"""Commits as old or foreign programs wrote them: every command has an answer, the one git has."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import Refused
from gitshelf.formats import gitobjects, tar
from hypothesis import given, settings
from hypothesis import strategies as st
from looseobjects import write_object

Repo = Any
Cli = Callable[..., Any]
_NOW = b"Kim <kim@x> 1700000000 +0100"
_HUGE = 18446744073709548016  # an hour before 1970, as git once wrote it

# Author, committer, more of the header, message; then the kit's time and that of `changes`.
_SITUATIONS: dict[str, tuple[bytes, bytes, bytes, bytes, int, int]] = {
    "unsigned": (_NOW, b"Kim <kim@x> %d +0100" % _HUGE, b"", b"m\n", tar.MAX_TIME, 0),
    "before 1970": (_NOW, b"Kim <kim@x> -86400 +0000", b"", b"m\n", 0, 0),
    "after 2242": (_NOW, b"K <k@x> 99999999999 +0000", b"", b"m\n", tar.MAX_TIME, 99999999999),
    "beyond years": (_NOW, b"K <k@x> %d +0000" % (2**62), b"", b"m\n", tar.MAX_TIME, 2**62),
    "digits": (_NOW, b"K <k@x> " + b"9" * 5000 + b" +0000", b"", b"m\n", tar.MAX_TIME, 0),
    "no address": (b"Kim 1300000000 +0000", b"Kim 1300000000 +0000", b"", b"m\n", 1300000000, 0),
    "zone": (_NOW, b"Kim <kim@x> 1300000000 +051800", b"", b"m\n", 1300000000, 1300000000),
    "two addresses": (_NOW, b"K <a@x> <b@x> 1300000000 -0700", b"", b"m\n", 1300000000, 1300000000),
    "no zone": (_NOW, b"Kim <kim@x> 1300000000", b"", b"m\n", 1300000000, 0),
    "no time": (_NOW, b"Kim <kim@x>", b"", b"m\n", 0, 0),
    "words": (_NOW, b"Kim <kim@x> long ago", b"", b"m\n", 0, 0),
    "no name": (b"<kim@x> 1 +0000", b" <> 1300000000 +0000", b"", b"m\n", 1300000000, 1300000000),
    "no author": (b"", b"Kim <k@x> 1300000000 +0000", b"", b"m\n", 1300000000, 1300000000),
    "latin1": (b"J\xf6rg <j@x> 1 +0000", _NOW, b"encoding latin1\n", b"Gr\xfc\xdfe\n", 1700000000,
               1700000000),
    "false encoding": (b"J\xf6rg <j@x> 1 +0000", _NOW, b"encoding klingon\n", b"\xff\xfe\n",
                       1700000000, 1700000000),
    "signed": (_NOW, _NOW, b"gpgsig -----BEGIN\n committer Eve <e@x> 1 +0\n\n".replace(b"\n\n",
               b"\n \n -----END\n"), b"m\n", 1700000000, 1700000000),
    "mergetag": (_NOW, _NOW, b"mergetag object 1\n tree 2\n tagger T <t> 1 +0\n", b"m", 1700000000,
                 1700000000),
    "CR": (_NOW + b"\r", _NOW + b"\r", b"", b"one\r\n\r\nCloses-Bug: 1\r\n", 1700000000,
           1700000000),
    "no message": (_NOW, _NOW, b"", b"", 1700000000, 1700000000),
    "no line": (_NOW, _NOW, b"", b"no end of line", 1700000000, 1700000000),
    "NUL": (_NOW, _NOW, b"", b"one\0two\0" + b"3" * 40 + b"\nx\n", 1700000000, 1700000000),
    "big": (_NOW, _NOW, b"", b"word " * 400_000, 1700000000, 1700000000),
}  # fmt: skip


def _commit(repo: Repo, author: bytes, committer: bytes, more: bytes, message: bytes) -> str:
    lines = [b"tree " + repo.git("rev-parse", "master^{tree}").encode()]
    lines.append(b"parent " + repo.git("rev-parse", "master").encode())
    lines += [b"author " + author] if author else []
    lines += [b"committer " + committer, more]
    return write_object(repo.path, "commit", b"\n".join(lines) + b"\n" + message)


def test_every_command_has_the_answer_that_git_has(
    repo: Repo, run_cli: Cli, shelf: Path, tmp_path: Path
) -> None:
    commits = {}
    for number, (*parts, kit_time, time) in enumerate(_SITUATIONS.values()):
        commits[f"b{number:02}"] = _commit(repo, *parts), kit_time, time  # type: ignore[arg-type]
    # A ref each, as `git update-ref` reads what it is given.
    for place, (commit, _, _) in commits.items():
        (repo.path / "refs" / "heads" / place).write_text(f"{commit}\n")
    old, new = tmp_path / "old.yml", tmp_path / "new.yml"
    pins = {place: pin for place, (pin, _, _) in commits.items()}
    for file, wanted in ((old, dict.fromkeys(pins, repo.commits[-1])), (new, pins)):
        lines = [f"- {{book: {p}, git: '{repo.url}', branch: {c}}}\n" for p, c in wanted.items()]
        file.write_text("books:\n" + "".join(lines))
    kit = tmp_path / "kit.tar"
    for argv in (
        ("build", "--gitshelf", new, "-o", kit),
        ("verify", kit),
        ("show", kit),
        ("extract", kit, tmp_path / "out"),
        ("verify", tmp_path / "out"),
        ("lint", "--gitshelf", new, "--rule", "exists", "--rule", "secrets"),
        ("changes", old, new),
        ("changes", "--markdown", kit, old),
        ("install", "--gitshelf", new),
        ("status", "--gitshelf", new),
    ):
        said = run_cli(*argv)
        assert said.code == 0, (argv[0], said.err)
    books = {b["book"]: b for b in json.loads(run_cli("changes", "--json", old, new).out)["books"]}
    with tarfile.open(kit) as archive:
        for place, (commit, kit_time, time) in commits.items():
            assert archive.getmember(f"{place}/README").mtime == kit_time, commit
            assert (tmp_path / "out" / place / "README").stat().st_mtime == kit_time
            (change,) = books[place]["commits"]
            asked = repo.git("log", "-1", "--encoding=UTF-8", "--format=%an%x00%s", commit)
            log = asked.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            author, _, subject = log.replace("\r", "?").partition("\0")
            found = (change["author"], change["subject"], change["time"])
            assert found == (author, subject, time), commit


def test_commit_without_a_tree_at_its_head_is_none() -> None:
    tree, committer = b"tree " + b"3" * 40 + b"\n", b"committer K <k> 1 +0000\n"
    assert gitobjects.parse_commit(tree + committer + b"\nm").time == 1
    for raw in (committer + tree, b"author x\n" + tree + committer, b"\n" + tree + committer):
        with pytest.raises(Refused):
            gitobjects.parse_commit(raw + b"\nm")


_words = st.sampled_from(
    [b"tree ", b"3" * 40, b"3" * 64, b"\n", b"\n\n", b"committer ", b"parent ", b"author ",
     b"K <k>", b"> ", b" 1", b"-", b" +0100", b"\r", b"\0", b"object ", b"type commit",
     b"9" * 40, b"\xff",
     b"40000 ", b"100644 ", b"120000 a\0", b"\x01" * 20, b".git\0", b"mergetag ", b" x"]
)  # fmt: skip


@given(raw=st.lists(_words | st.binary(max_size=4), max_size=12).map(b"".join))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    head = b"tree " + b"3" * 40 + b"\n"
    for data in (raw, head + raw, head + b"committer " + raw):
        try:
            commit = gitobjects.parse_commit(data)
            assert 0 <= tar.writable_time(commit.time) <= tar.MAX_TIME
        except Refused:
            assert not data.startswith((head + b"\n", head + b"committer "))
        for parse in (gitobjects.parse_tag, lambda one: gitobjects.parse_tree(one, "3" * 40)):
            try:
                parse(data)
            except Refused as error:
                assert error.message
