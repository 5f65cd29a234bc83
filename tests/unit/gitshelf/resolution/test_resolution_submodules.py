"""Submodules that a kit carries: at their recorded commits, proved from the commits above them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from gitshelf.resolution import submodules
from submodulebooks import gitmodules, link_to, manifest_of

import gitshelf

Repo = Any


def names(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}


def test_submodules_of_submodules_are_carried_and_proved(
    nested: dict[str, Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = gitshelf.build(write_manifest(manifest_of(nested["outer"])), tmp_path / "kit.tar")
    assert [(b.book, b.commit, b.within) for b in kit.lock.books] == [
        ("b", nested["outer"].commits[-1], None),
        ("b/vendor/mid", nested["mid"].commits[-1], "b"),
        ("b/vendor/mid/deep/inner", nested["inner"].commits[0], "b/vendor/mid"),
    ]
    for repo in nested.values():
        shutil.rmtree(repo.path)
    assert gitshelf.verify(kit.path).lock == kit.lock
    gitshelf.extract(kit.path, tmp_path / "out")
    assert names(tmp_path / "out" / "b") == {
        ".gitmodules",
        "a",
        "vendor/mid.txt",
        "vendor/mid/.gitmodules",
        "vendor/mid/deep/y",
        "vendor/mid/deep/inner/x",
        "vendor/mid/deep/inner/l",
        "z/link",
    }
    assert (tmp_path / "out/b/vendor/mid/deep/inner/x").read_bytes() == b"1"
    assert str(tmp_path).encode() not in kit.path.read_bytes().replace(
        (tmp_path / "site" / "gitshelf.yml").read_bytes(), b""
    )


def test_submodules_come_out_of_the_cache_without_a_network(
    nested: dict[str, Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    manifest = write_manifest(manifest_of(nested["outer"]))
    before = gitshelf.build(manifest, tmp_path / "one.tar")
    for repo in nested.values():
        shutil.rmtree(repo.path)
    shutil.rmtree(tmp_path / "cache" / "gitshelf" / "v1" / "chunks")
    offline = gitshelf.Options(offline=True)
    for name in ("cold", "warm"):
        after = gitshelf.build(manifest, tmp_path / f"{name}.tar", options=offline)
        assert after.digest == before.digest


def test_submodules_below_a_folder_of_the_repository(
    nested: dict[str, Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    kit = gitshelf.build(
        write_manifest(manifest_of(nested["outer"], "  path: vendor\n")), tmp_path / "kit.tar"
    )
    assert [b.book for b in kit.lock.books] == ["b", "b/mid", "b/mid/deep/inner"]
    assert gitshelf.verify(kit.path).lock == kit.lock
    other = manifest_of(nested["outer"], "  path: z\n  links: omit\n")
    assert len(gitshelf.build(write_manifest(other), tmp_path / "kit.tar").lock.books) == 1


def test_book_may_lie_in_a_submodule_and_submodule_in_the_whole_shelf(
    nested: dict[str, Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    text = manifest_of(nested["outer"]).replace("book: b", "book: .")
    text += f"- {{book: vendor/mid/more, git: '{nested['inner'].url}'}}\n"
    kit = gitshelf.build(write_manifest(text), tmp_path / "kit.tar")
    gitshelf.extract(kit.path, tmp_path / "out")
    assert (tmp_path / "out/vendor/mid/deep/inner/x").read_bytes() == b"1"
    assert (tmp_path / "out/vendor/mid/more/x").read_bytes() == b"newer"
    assert (tmp_path / "out/a").read_bytes() == b"3"


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        (None, r"no file \.gitmodules"),
        (gitmodules(other="../x"), r"no URL for the submodule s"),
        (b'[submodule "s"]\n\tpath = s\n', r"no URL for the submodule s"),
        (b"[submodule\n", r"\.gitmodules cannot be read"),
        (gitmodules(s="-oProxyCommand=x"), "not a URL"),
        (gitmodules(s="ext::sh -c x"), "remote helper"),
        (gitmodules(s="ftp://example.org/s"), "protocol ftp"),
        (gitmodules(s="https://me:secret@example.org/s"), "user or password"),
        (gitmodules(s="plain/path"), "not a URL"),
        (gitmodules(s="../" * 60 + "s"), "leads above"),
        (gitmodules(s="../nowhere.git"), "nowhere.git is not there"),
    ],
)
def test_submodule_without_a_good_url_is_an_error_with_book_and_name(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    modules: bytes | None,
    said: str,
) -> None:
    inner, outer = make_repo("inner"), make_repo("outer")
    inner.commit({b"x": b"1"})
    files = {b"s": link_to(inner), b"a": b"1"}
    outer.commit(files if modules is None else {b".gitmodules": modules, **files})
    with pytest.raises(GitshelfError, match=rf"gitshelf.yml:2: book b: .*{said}") as caught:
        gitshelf.build(write_manifest(manifest_of(outer)), tmp_path / "kit.tar")
    assert "submodules: omit" in caught.value.remedy or "not there" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "kit.tar").exists()


def test_commit_that_the_submodules_repository_does_not_have_is_named(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    inner, outer = make_repo("inner"), make_repo("outer")
    inner.commit({b"x": b"1"})
    outer.commit({b".gitmodules": gitmodules(s="../inner.git"), b"s": ("160000", b"1" * 40)})
    with pytest.raises(
        GitshelfError, match=r"book b: submodule s: .*inner.git has no commit 1111"
    ) as caught:
        gitshelf.build(write_manifest(manifest_of(outer)), tmp_path / "kit.tar")
    assert "submodules: omit" in caught.value.remedy


def test_gitmodules_that_is_a_link_is_not_followed(
    make_repo: Callable[..., Repo], write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    inner, outer = make_repo("inner"), make_repo("outer")
    inner.commit({b"x": b"1"})
    outer.commit({b".gitmodules": ("120000", b"m"), b"m": gitmodules(s="../inner.git"),
                  b"s": link_to(inner)})  # fmt: skip
    with pytest.raises(GitshelfError, match=r"is a link in the place of \.gitmodules"):
        gitshelf.build(write_manifest(manifest_of(outer)), tmp_path / "kit.tar")


@pytest.mark.parametrize("other", ["{book: b/vendor/mid, git: %s}", "{book: b/vendor, link: ../z}"])
def test_book_at_the_place_of_a_submodule_is_an_error(
    nested: dict[str, Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    other: str,
) -> None:
    other = other.replace("%s", nested["inner"].url)
    manifest = write_manifest(manifest_of(nested["outer"], f"- {other}\n"))
    with pytest.raises(GitshelfError, match=r"submodule vendor/mid: its place .* of line 6"):
        gitshelf.build(manifest, tmp_path / "kit.tar")


def test_url_of_a_submodule_follows_gits_own_rewriting(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inner, outer = make_repo("inner"), make_repo("outer")
    inner.commit({b"x": b"1"})
    modules = gitmodules(s="https://git.example.org/inner.git")
    outer.commit({b".gitmodules": modules, b"s": link_to(inner)})
    config = tmp_path / "config"
    config.write_text(f'[url "{inner.path.parent.as_uri()}/"]\ninsteadOf=https://git.example.org/')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    kit = gitshelf.build(write_manifest(manifest_of(outer)), tmp_path / "kit.tar")
    assert [b.book for b in kit.lock.books] == ["b", "b/s"]


@pytest.mark.parametrize(
    ("base", "url", "wanted"),
    [
        ("https://h/a/b.git", "../c.git", "https://h/a/c.git"),
        ("https://h/a/b.git/", "./c", "https://h/a/b.git/c"),
        ("https://h/a/b", "../../c/", "https://h/c"),
        ("git@h:a/b.git", "../c", "git@h:a/c"),
        ("git@h:b.git", "../c", "git@h:c"),
        ("/srv/git/a", "../b", "/srv/git/b"),
        ("https://h/a", "https://other/x", "https://other/x"),
        ("https://h/a", "../../x", None),
        ("https://h/a", "../../../x", None),
        ("file:///x/a", "../b", "file:///x/b"),
        ("file:///a", "../../b", None),
    ],
)
def test_relative_url_is_taken_from_the_books_own(base: str, url: str, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(ValueError, match="leads above"):
            submodules.absolute_url(base, url)
    else:
        assert submodules.absolute_url(base, url) == wanted


def test_folder_of_this_machine_is_not_taken_for_a_book_from_elsewhere() -> None:
    from gitshelf.kit.lock import Policies
    from gitshelf.manifest.books import Book
    from gitshelf.manifest.document import Location

    book = Book("b", "https://h/a", "1" * 40, "", "", "", Policies(), "", Location("m", 1, "b"))
    for url in ("file:///etc/x", "/etc/x"):
        one = submodules.Submodule(b"s", "1" * 40, url)
        with pytest.raises(GitshelfError, match="is a folder of this machine"):
            submodules.books([(book, [one])], {})


ODD = b'[submodule "a.b \\" \\\\ \xc3\xa4 #;]"]\n\tpath = s\n'
PLAIN = b'[submodule "s"]\n\tpath = s\n\turl = ../inner.git\n'


@pytest.mark.parametrize(
    "modules",
    [
        PLAIN + b"\tupdate = none\n",
        PLAIN + b'\tUPDATE = "none" ; but why\n',
        PLAIN + b"\tupdate = checkout\n\tshallow = true\n\tignore = all\n\tactive = false\n",
        PLAIN + b"\tupdate = rebase\n\tbranch = .\n\tfetchRecurseSubmodules = false\n",
        PLAIN + b"\tupdate = merge\n\tupdate = none\n",
        PLAIN + b"\tupdate = none\n\tupdate = merge\n",
        PLAIN + b"\tupdate = !touch here\n",
        PLAIN + b"\tupdate = None\n",
        PLAIN + b"[submodule]\n\tupdate = none\n",
        PLAIN + b'[submodule "S"]\n\tupdate = none\n',
        ODD + b"\turl = ../inner.git\n\tupdate = none\n",
        ODD + b"\turl = ./../inner.git/\n",
        PLAIN + b"\tupdate =\n",
        b'[submodule "none"]\n\tpath = s\n\turl = ../inner.git\n\tupdate\n',
    ],
)
def test_kit_carries_the_submodules_that_git_itself_checks_out_and_records_the_others(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    run_cli: Callable[..., Any],
    shelf: Path,
    modules: bytes,
) -> None:
    inner, outer = make_repo("inner"), make_repo("outer")
    inner.commit({b"x": b"1"})
    modules += gitmodules(t="../inner.git")
    outer.commit({b".gitmodules": modules, b"s": link_to(inner), b"t": link_to(inner)})
    clone = ["git", "-c", "protocol.file.allow=always", "clone", "-q", "--recurse-submodules"]
    done = subprocess.run([*clone, outer.path, tmp_path / "git"], capture_output=True, timeout=60)
    manifest = write_manifest(manifest_of(outer))
    said = run_cli("build", "--gitshelf", manifest, "--output", tmp_path / "kit.tar")
    told = run_cli("install", "--gitshelf", manifest)
    assert (said.code == 0) == (told.code == 0) == (done.returncode == 0), done.stderr
    if done.returncode:
        assert "its .gitmodules has an `update` that git refuses for the submodule s" in said.err
        return
    wanted = {name for name in ("s", "t") if (tmp_path / "git" / name / "x").exists()}
    kit = gitshelf.verify(tmp_path / "kit.tar").lock
    assert {book.book for book in kit.books} == {"b"} | {f"b/{name}" for name in wanted}
    assert [(one.path, one.why) for one in kit.books[0].omitted] == [
        (name.encode(), "submodule") for name in ("s", "t") if name not in wanted
    ]
    assert {path.parent.name for path in shelf.glob("b/*/x")} == wanted
    assert ("left out of b: 1 paths" in said.out) == (wanted == {"t"})
    assert ("without submodules whose `update` is none: s" in told.out) == (wanted == {"t"})


def test_submodule_that_is_left_out_need_not_be_there(
    make_repo: Callable[..., Repo],
    write_manifest: Callable[[str], Path],
    tmp_path: Path,
    run_cli: Callable[..., Any],
    shelf: Path,
) -> None:
    outer = make_repo("outer")
    modules = gitmodules(s="../gone.git") + b"\tupdate = none\n"
    one = outer.commit({b".gitmodules": modules, b"s": ("160000", b"1" * 40)})
    outer.commit({b".gitmodules": modules, b"s": ("160000", b"2" * 40)})
    manifest = write_manifest(manifest_of(outer))
    for words in (
        ("build", "--output", tmp_path / "kit.tar"),
        ("install",),
        ("status",),
        ("lint", "--rule", "same-path"),
    ):
        said = run_cli(*words, "--gitshelf", manifest)
        assert said.code == 0, said.err + said.out
    old = tmp_path / "old.yml"
    old.write_text(manifest.read_text().replace(outer.commits[1], one))
    assert "b/s" not in run_cli("changes", old, manifest).out
