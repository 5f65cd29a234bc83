"""Building kits from real repositories: what goes in comes out, always as the same bytes."""

# Names that are not UTF-8 are easier to handle as bytes.
# ruff: noqa: PTH112, PTH114, PTH115, PTH116, PTH118, PTH123, PTH208

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError, Refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gitshelf

Repo = Any

ODD: dict[bytes, Any] = {
    b"README": b"hello\n",
    b"bin/run": ("100755", b"#!/bin/sh\n"),
    b"empty": b"",
    b"caf\xc3\xa9": b"utf-8\n",
    b"latin\xe9/f\xff": b"not utf-8\n",
    b"sp ace/new\nline": b"x",
    b"-dash": b"y",
    b"crlf.txt": b"a\r\nb\r\n",
    b".gitattributes": b"*.txt text eol=lf\n*.id ident\n",
    b"a.id": b"$Id$\n",
    b"link": ("120000", b"bin/run"),
    b"bin/up": ("120000", b"../README"),
    b"latin\xe9/l": ("120000", b"f\xff"),
    b"/".join([b"n" * 60] * 5): b"long\n",
    b"m" * 180: b"longer\n",
    b"m" * 101 + b"\xff": b"long and not utf-8\n",
    b"long-link": ("120000", b"./" * 80 + b"README"),
    b"foo": b"before",
    b"foo.d/x": b"between",
    b"foo0": b"after",
    b"big": bytes(range(256)) * 9000,
}


def tree_of(folder: Path) -> dict[bytes, Any]:
    """What a folder holds, in the form of Repo.commit."""
    found: dict[bytes, Any] = {}
    root = os.fsencode(folder)
    for where, _, names in os.walk(root):
        for name in names:
            path = os.path.join(where, name)
            key = os.path.relpath(path, root)
            if os.path.islink(path):
                found[key] = ("120000", os.readlink(path))
            else:
                with open(path, "rb") as file:
                    data = file.read()
                found[key] = ("100755", data) if os.stat(path).st_mode & 0o100 else data
        for name in os.listdir(where):
            path = os.path.join(where, name)
            if os.path.islink(path) and os.path.isdir(path):
                found[os.path.relpath(path, root)] = ("120000", os.readlink(path))
    return found


def one_book(repo: Repo, extra: str = "", commit: str = "") -> str:
    pin = commit or repo.commits[-1]
    return f"books:\n- book: b\n  git: {repo.url}\n  branch: {pin}\n{extra}"


def test_every_kind_of_file_comes_out_as_it_went_in(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit(ODD)
    kit = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == ODD
    modes = {p.stat().st_mode & 0o7777 for p in (tmp_path / "out").rglob("*") if not p.is_symlink()}
    assert modes == {0o644, 0o755}
    # And other programs read the same.
    listed = subprocess.run(["tar", "tf", kit.path], capture_output=True, check=True).stdout
    assert listed.count(b"\n") == len(kit_names(kit.path))


def kit_names(kit: Path) -> list[str]:
    with tarfile.open(kit, errors="surrogateescape") as archive:
        return archive.getnames()


def test_entries_are_normal_and_sorted(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit(ODD)
    kit = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar")
    with tarfile.open(kit.path, errors="surrogateescape") as archive:
        members = archive.getmembers()
    names = [os.fsencode(m.name) + (b"/" if m.isdir() else b"") for m in members]
    assert names == sorted(names)
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {
        (0, 0, "", "", repo.clock)
    }


def test_same_kit_in_two_places_at_two_times_warm_and_cold(
    make_repo: Callable[..., Repo],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repo = make_repo()
    repo.commit(ODD)
    kits = []
    for number, place in enumerate(["one", "two/deeper"]):
        clone = tmp_path / place / "clone"
        shutil.copytree(repo.path, clone)
        site = tmp_path / place / "site"
        site.mkdir()
        (site / "gitshelf.yml").write_text("books:\n- {book: b, git: '{here}'}\n")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / place / "cache"))
        monkeypatch.setenv("TZ", ["UTC", "Asia/Tokyo"][number])
        old = os.umask([0o022, 0o077][number])
        try:
            for heat in ("cold", "warm"):
                output = tmp_path / place / heat / "kit.tar"
                kits.append(
                    gitshelf.build(site / "gitshelf.yml", output, tokens={"here": str(clone)})
                )
        finally:
            os.umask(old)
    contents = {kit.path.read_bytes() for kit in kits}
    assert len(contents) == 1
    assert len({kit.provenance.read_bytes() for kit in kits}) == 1
    assert len({kit.sums.read_bytes() for kit in kits}) == 1
    assert str(tmp_path).encode() not in contents.pop()
    assert str(tmp_path).encode() not in kits[0].provenance.read_bytes()


def test_here_builds_the_checked_out_commit_of_the_clone_that_holds_the_manifest(
    tmp_path: Path, run_cli: Callable[..., Any]
) -> None:
    clone = tmp_path / "clone"
    site = clone / "site"
    site.mkdir(parents=True)
    (site / "gitshelf.yml").write_text(
        "books:\n- {book: srv/salt, git: '{here}', branch: HEAD, path: salt}\n"
    )
    (clone / "salt").mkdir()
    (clone / "salt" / "top.sls").write_text("base: {}\n")
    git = ["git", "-C", str(clone), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for argv in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "x"],
        ["checkout", "-q", "HEAD~0"],
    ):
        subprocess.run([*git, *argv], check=True)
    (clone / "salt" / "top.sls").write_text("not committed\n")
    said = run_cli(
        "build", "--gitshelf", site / "gitshelf.yml", "--output", tmp_path / "k.tar", "--json"
    )
    assert said.code == 0
    (book,) = json.loads(said.out)["books"]
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    assert (book["commit"], book["files"]) == (head.strip(), 1)
    with tarfile.open(tmp_path / "k.tar") as archive:
        found = archive.extractfile("srv/salt/top.sls")
        assert found is not None
        assert found.read() == b"base: {}\n"


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_digest_is_that_of_the_tar_whatever_the_suffix(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path, suffix: str
) -> None:
    manifest = write_manifest(one_book(repo))
    plain = gitshelf.build(manifest, tmp_path / "plain" / "kit.tar")
    kit = gitshelf.build(manifest, tmp_path / ("kit" + suffix))
    again = gitshelf.build(manifest, tmp_path / "again" / ("kit" + suffix))
    assert kit.digest == plain.digest == gitshelf.verify(kit.path).digest
    assert kit.path.read_bytes() == again.path.read_bytes()
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_tag_branch_and_annotated_tag_all_lead_to_their_commit(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    first, second = repo.commits
    repo.git("tag", "light", first)
    repo.git("-c", "user.name=t", "-c", "user.email=t@h", "tag", "-a", "-m", "x", "heavy", first)
    tag = repo.git("rev-parse", "heavy")
    lines = "".join(
        f"- {{book: b{i}, git: '{repo.url}', branch: {ref}}}\n"
        for i, ref in enumerate(["light", "heavy", tag, first, "refs/heads/master", "HEAD"])
    )
    manifest = write_manifest(f"books:\n{lines}- {{book: b6, git: '{repo.url}'}}\n")
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    assert [b.commit for b in kit.lock.books] == [first] * 4 + [second] * 3
    assert gitshelf.verify(kit.path).lock == kit.lock


def test_books_inside_books_and_links_between_them(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    outer, inner = make_repo("outer"), make_repo("inner")
    outer.commit({b"a": b"1", b"f/one": b"2", b"f/two": b"3", b"z": b"4"})
    inner.clock += 100
    inner.commit({b"x": b"5"})
    manifest = write_manifest(
        "books:\n"
        "- {book: srv/salt/f/three, link: /srv/salt/g/deep/inner}\n"
        f"- {{book: srv/salt/f/ten, git: '{inner.url}'}}\n"
        f"- {{book: srv/salt/g/deep/inner, git: '{inner.url}'}}\n"
        f"- {{book: srv/salt, git: '{outer.url}'}}\n"
        f"- {{book: srv/salt.d, git: '{inner.url}'}}\n"
    )
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "srv") == {
        b"salt/a": b"1",
        b"salt/f/one": b"2",
        b"salt/f/two": b"3",
        b"salt/f/ten/x": b"5",
        b"salt/f/three": ("120000", b"../g/deep/inner"),
        b"salt/g/deep/inner/x": b"5",
        b"salt/z": b"4",
        b"salt.d/x": b"5",
    }


def test_a_book_may_be_the_whole_shelf(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    root, inner = make_repo("root"), make_repo("inner")
    root.commit({b"A": b"1", b"m": b"2", b"z/z": b"3"})
    inner.commit({b"x": b"5"})
    manifest = write_manifest(
        f"books:\n- {{book: ., git: '{root.url}'}}\n- {{book: n/o, git: '{inner.url}'}}\n"
    )
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "KIT")
    assert tree_of(tmp_path / "out") == {b"A": b"1", b"m": b"2", b"z/z": b"3", b"n/o/x": b"5"}
    root.commit({b"KIT/lock.json": b"mine"})
    with pytest.raises(GitshelfError, match="its KIT is in the way"):
        gitshelf.build(manifest, tmp_path / "kit.tar")


@pytest.mark.parametrize("path", [b"f", b"f/g", b"f/g/h"])
def test_book_on_top_of_anothers_path_is_refused(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    path: bytes,
) -> None:
    outer = make_repo("outer")
    outer.commit({path: b"1", b"z": b"2"})
    manifest = write_manifest(
        f"books:\n- {{book: o, git: '{outer.url}'}}\n- {{book: o/f/g, git: '{outer.url}'}}\n"
    )
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:2: book o: its o/f.* is in the way"):
        gitshelf.build(manifest, tmp_path / "kit.tar")


def test_folder_of_a_repository_is_proved_from_its_commit(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit({b"a/b/c": b"1", b"a/b/d/e": b"2", b"a/x": b"3", b"y": b"4"})
    manifest = write_manifest(one_book(repo, "  path: a/b/\n"))
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    assert len([n for n in kit_names(kit.path) if n.startswith("KIT/trees/")]) == 2
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == {b"c": b"1", b"d/e": b"2"}
    for wrong in ("a/nope", "a/x"):
        with pytest.raises(GitshelfError, match=f"book b: its commit has no folder {wrong}"):
            gitshelf.build(
                write_manifest(one_book(repo, f"  path: {wrong}\n")), tmp_path / "kit.tar"
            )


SUBMODULE = ("160000", b"1" * 40)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"


@pytest.mark.parametrize(
    ("files", "key", "names", "left"),
    [
        ({b"vendor/sub": SUBMODULE, b"a": b"1"}, "submodules", "vendor/sub", {b"a"}),
        ({b"m.bin": LFS, b"a": b"1"}, "lfs", "m.bin", {b"a"}),
        ({b"l": ("120000", b"/etc/salt/pki"), b"a": b"1"}, "links", "l", {b"a"}),
        ({b"d/l": ("120000", b"../../x"), b"a": b"1"}, "links", "d/l", {b"a"}),
        (
            {b".gitattributes": b"/t export-ignore\n", b"t/x": b"1", b"u/t": b"2"},
            "export-ignore",
            "t/x",
            {b".gitattributes", b"u/t"},
        ),
        (
            {b"s/.gitattributes": b"v export-subst\n", b"s/v": b"$Format:%H$", b"v": b"2"},
            "export-subst",
            "s/v",
            {b"s/.gitattributes", b"v"},
        ),
    ],
)
def test_content_that_would_go_missing_is_refused_by_name_or_left_out_and_recorded(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    files: dict[bytes, Any],
    key: str,
    names: str,
    left: set[bytes],
) -> None:
    repo = make_repo()
    repo.commit(files)
    with pytest.raises(GitshelfError, match=rf"gitshelf.yml:2: book b: it has .*{names}") as caught:
        gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar")
    assert f"`{key}: omit" in caught.value.remedy
    assert not (tmp_path / "kit.tar").exists()
    kit = gitshelf.build(write_manifest(one_book(repo, f"  {key}: omit\n")), tmp_path / "kit.tar")
    assert [gitshelf.kit.lock.text(o.path) for o in kit.lock.books[0].omitted] == [names]  # type: ignore[attr-defined]
    gitshelf.extract(kit.path, tmp_path / "out")
    assert set(tree_of(tmp_path / "out" / "b")) == left


@pytest.mark.parametrize("key", ["export-ignore", "export-subst"])
def test_export_attributes_included_leave_the_bytes_alone(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path, key: str
) -> None:
    repo = make_repo()
    files = {b".gitattributes": f"v {key}\n".encode(), b"v": b"$Format:%H$"}
    repo.commit(files)
    kit = gitshelf.build(write_manifest(one_book(repo, f"  {key}: include\n")), tmp_path / "k.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == files


def test_attributes_above_a_folder_count_in_it(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo = make_repo()
    repo.commit({b".gitattributes": b"salt/secret export-ignore\n", b"salt/secret": b"1"})
    with pytest.raises(GitshelfError, match="marked export-ignore: secret"):
        gitshelf.build(write_manifest(one_book(repo, "  path: salt\n")), tmp_path / "kit.tar")


def test_users_own_attributes_change_nothing(
    repo: Repo,
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repo.commit({b".gitattributes": b"nothing export-ignore\n", b"README": b"a\r\n"})
    before = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "before.tar")
    (tmp_path / "attributes").write_text("* export-ignore ident eol=lf\n")
    (tmp_path / "config").write_text(f"[core]\nattributesFile={tmp_path}/attributes\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    shutil.rmtree(tmp_path / "cache")
    after = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "after.tar")
    assert before.digest == after.digest


def test_repository_of_sha256_is_built_and_proved(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo, old = make_repo("new", "--object-format=sha256"), make_repo("old")
    repo.commit({b"a": b"1", b"d/b": b"2"})
    old.commit({b"a": b"1"})
    assert len(repo.commits[0]) == 64
    manifest = write_manifest(
        f"books:\n- {{book: A, git: '{repo.url}'}}\n- {{book: b, git: '{repo.url}', "
        f"branch: {repo.commits[0]}, path: d}}\n- {{book: c, git: '{old.url}'}}\n"
    )
    kit = gitshelf.build(manifest, tmp_path / "kit.tar")
    assert gitshelf.verify(kit.path).lock == kit.lock


def test_pin_survives_in_the_cache_when_it_is_pushed_away(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(one_book(repo))
    before = gitshelf.build(manifest, tmp_path / "one.tar")
    shutil.rmtree(repo.path)
    offline = gitshelf.Options(offline=True)
    assert gitshelf.build(manifest, tmp_path / "two.tar", options=offline).digest == before.digest
    shutil.rmtree(tmp_path / "cache" / "gitshelf" / "v1" / "chunks")
    assert gitshelf.build(manifest, tmp_path / "three.tar", options=offline).digest == before.digest


@pytest.mark.parametrize(
    "what", ["chunks/*.tar", "chunks/*.json", "objects/*", "stores/*/**/*.pack"]
)
@pytest.mark.parametrize("how", ["zeros", "empty", "gone"])
def test_damaged_cache_heals(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    what: str,
    how: str,
) -> None:
    repo = make_repo()
    repo.commit({b"README": b"hello\n" * 100, b"a/b": b"c"})
    manifest = write_manifest(one_book(repo))
    before = gitshelf.build(manifest, tmp_path / "one.tar")
    cache = tmp_path / "cache" / "gitshelf" / "v1"
    if what.endswith(".pack"):
        shutil.rmtree(cache / "chunks")
        shutil.rmtree(cache / "objects")
    damaged = list(cache.glob(what))
    assert damaged
    for path in damaged:
        path.chmod(0o600)
        size = path.stat().st_size
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(bytes(size) if how == "zeros" else b"")
    assert gitshelf.build(manifest, tmp_path / "two.tar").digest == before.digest


def test_nothing_is_ever_prompted_or_left_when_a_build_fails(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = tmp_path / "out" / "kit.tar"
    gitshelf.build(write_manifest(one_book(repo)), kit)
    before = {path.name: path.read_bytes() for path in kit.parent.iterdir()}
    with pytest.raises(GitshelfError):
        gitshelf.build(write_manifest(one_book(repo, commit="0" * 39 + "1")), kit)
    assert {path.name: path.read_bytes() for path in kit.parent.iterdir()} == before


@pytest.mark.books
@pytest.mark.timeout(300)
def test_real_books_are_built_and_proved(
    book_bundles: list[Path], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    lines = []
    for bare in book_bundles:
        pin = subprocess.run(
            ["git", "-C", bare, "rev-parse", "HEAD~10"], capture_output=True, text=True, check=True
        ).stdout.strip()
        lines.append(f"- {{book: {bare.stem}, git: '{bare.as_uri()}', branch: {pin}}}\n")
    manifest = write_manifest("defaults: {submodules: omit}\nbooks:\n" + "".join(lines))
    kit = gitshelf.build(manifest, tmp_path / "kit.tar.zst")
    gitshelf.extract(kit.path, tmp_path / "out")
    for bare, book in zip(book_bundles, kit.lock.books, strict=True):
        work = tmp_path / "work" / bare.stem
        subprocess.run(["git", "clone", "-q", "-s", "-n", bare, work], check=True)
        subprocess.run(["git", "-C", work, "checkout", "-q", book.commit], check=True)
        shutil.rmtree(work / ".git")
        assert tree_of(tmp_path / "out" / bare.stem) == tree_of(work)


_part = st.sampled_from([b"a", b"b", b"a.b", b"c d", b"\xff", b"K", b"~"])
_path = st.lists(_part, min_size=1, max_size=3).map(b"/".join)
_file = st.one_of(
    st.binary(max_size=600),
    st.tuples(st.just("100755"), st.binary(max_size=10)),
    st.tuples(st.just("120000"), st.sampled_from([b"a", b"../a", b"b/a", b"."])),
)


@given(files=st.dictionaries(_path, _file, min_size=1, max_size=8))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_repository_comes_out_as_it_went_in_or_is_refused(
    files: dict[bytes, Any], make_repo: Callable[..., Repo], tmp_path: Path
) -> None:
    for name in ("servers", "out", "site"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    # A file cannot be a folder too.
    files = {p: c for p, c in files.items() if not any(o.startswith(p + b"/") for o in files)}
    repo = make_repo()
    repo.commit(files)
    site = tmp_path / "site"
    site.mkdir()
    (site / "gitshelf.yml").write_text(one_book(repo))
    try:
        kit = gitshelf.build(site / "gitshelf.yml", site / "kit.tar")
    except GitshelfError as error:
        assert "links that lead out" in str(error)
        return
    gitshelf.extract(kit.path, tmp_path / "out")
    assert tree_of(tmp_path / "out" / "b") == files


def test_help_needs_no_heavy_imports() -> None:
    code = (
        "import sys; sys.argv = ['gitshelf', '--help']\n"
        "from gitshelf.commands.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'ruamel', 'yaml', 'rich', 'zstandard', 'subprocess'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_kit_that_is_not_what_it_says_is_no_kit(tmp_path: Path) -> None:
    (tmp_path / "kit.tar").write_bytes(bytes(1024))
    with pytest.raises(Refused, match=r"no KIT/lock.json"):
        gitshelf.verify(tmp_path / "kit.tar")


def test_link_that_leaves_through_another_books_link_is_refused(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    outer = make_repo("outer")
    outer.commit({b"l": ("120000", b"d/x"), b"a": b"1"})
    text = f"books:\n- {{book: o, git: '{outer.url}'}}\n- {{book: other, git: '{outer.url}'}}\n"
    assert gitshelf.build(write_manifest(text), tmp_path / "kit.tar")
    manifest = write_manifest(text + "- {book: o/d, link: ../other}\n")
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:2: book o: the link o/l leads out"):
        gitshelf.build(manifest, tmp_path / "kit.tar")


def test_provenance_says_where_books_came_from_and_what_was_made(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = gitshelf.build(write_manifest(one_book(repo)), tmp_path / "kit.tar.gz")
    statement = json.loads(kit.provenance.read_text())
    assert statement["subject"][1]["digest"]["sha256"] == kit.digest
    commit = repo.commits[-1]
    assert statement["predicate"]["buildDefinition"]["resolvedDependencies"] == [
        {"name": "b", "uri": f"git+{repo.url}@{commit}", "digest": {"gitCommit": commit}}
    ]


def test_place_beside_the_kit_that_cannot_be_written_is_named(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}'}}\n")
    (tmp_path / "out" / "kit.tar.provenance.json").mkdir(parents=True)
    output = tmp_path / "out" / "kit.tar"
    with pytest.raises(GitshelfError, match=f"{output} is whole, but what lies beside it"):
        gitshelf.build(manifest, output)
    assert gitshelf.verify(output).digest
