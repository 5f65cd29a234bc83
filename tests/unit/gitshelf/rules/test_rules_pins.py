"""`lint`: each release rule finds the book that breaks it, and leaves the others alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError
from gitshelf.formats.pointers import Pointer
from gitshelf.rules.model import Finding, Rule
from gitshelf.rules.secrets import scan

import gitshelf
from gitshelf import rules

Repo = Any
Cli = Callable[..., Any]
Write = Callable[[str], Path]
KEY = b"-----BEGIN OPENSSH PRIVATE " + b"KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAA\n"


def found(manifest: Path, *names: str, **more: Any) -> list[tuple[str, str]]:
    return [(one.rule, one.book) for one in gitshelf.lint(manifest, names, **more)]


def book(name: str, repo: Repo, more: str) -> str:
    return f"- {{book: {name}, git: '{repo.url}', {more}}}\n"


def test_pin_that_is_no_full_sha_is_found_with_line_and_remedy(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    manifest = write_manifest(
        "books:\n"
        + book("a", repo, f"branch: {repo.commits[0]}, track: master")
        + book("b", repo, "branch: master")
    )
    said = run_cli("lint", "--gitshelf", manifest)
    assert said.code == 1
    assert f"{manifest}:3: book b: master is not a full SHA [full-sha]" in said.out
    assert "remedy: pin it" in said.out
    said = run_cli("lint", "--json", "--gitshelf", manifest, "--rule", "full-sha")
    (one,) = json.loads(said.out)["findings"]
    assert (one["rule"], one["book"], one["line"]) == ("full-sha", "b", 3)
    assert run_cli("pin", "--gitshelf", manifest).code == 0
    assert run_cli("lint", "--gitshelf", manifest).code == 0


def test_pin_that_only_the_cache_has_is_found(repo: Repo, write_manifest: Write) -> None:
    pin = repo.commits[0]
    manifest = write_manifest("books:\n" + book("a", repo, f"branch: {pin}"))
    gitshelf.resolve(manifest)
    assert found(manifest, "exists") == []
    repo.git("update-ref", "-d", "refs/heads/master")
    repo.commit({b"x": b"1"})
    repo.git("gc", "-q", "--prune=now")
    assert found(manifest, "exists") == [("exists", "a")]
    assert gitshelf.resolve(manifest).commits == {"a": pin}


def test_pin_off_its_branch_or_without_one_is_found(repo: Repo, write_manifest: Write) -> None:
    side = repo.commit({b"a": b"1"}, branch="side")
    manifest = write_manifest(
        "books:\n"
        + book("good", repo, f"branch: {repo.commits[0]}, track: master")
        + book("off", repo, f"branch: {side}, track: master")
        + book("none", repo, f"branch: {side}")
    )
    assert found(manifest, "on-branch") == [("on-branch", "off"), ("on-branch", "none")]


def test_pin_that_goes_back_is_found_unless_the_manifest_says_so(
    repo: Repo, write_manifest: Write, tmp_path: Path
) -> None:
    first, second = repo.commits
    text = "books:\n" + book("a", repo, "branch: A") + book("b", repo, "branch: B")
    write_manifest(text.replace("A}", f"{second}}}").replace("B}", f"{first}}}")).rename(
        tmp_path / "before.yml"
    )
    gitshelf.build(tmp_path / "before.yml", tmp_path / "before.tar")
    now = text.replace("A}", f"{first}}}").replace("B}", f"{second}}}")
    for before in ("before.yml", "before.tar"):
        assert found(write_manifest(now), "descends", previous=str(tmp_path / before)) == [
            ("descends", "a")
        ]
    rule = "lint: {descends: {from: ../before.yml, except: [a]}}\n"
    assert found(write_manifest(rule + now)) == []
    assert found(write_manifest(rule.replace(", except: [a]", "") + now)) == [("descends", "a")]
    with pytest.raises(GitshelfError, match="needs the release before"):
        found(write_manifest(now), "descends")


def test_tag_that_moved_is_found(repo: Repo, write_manifest: Write) -> None:
    first, second = repo.commits
    repo.git("tag", "v1", first)
    manifest = write_manifest("books:\n" + book("a", repo, f"branch: {first}, tag: v1"))
    assert found(manifest, "tag") == []
    repo.git("tag", "-f", "v1", second)
    assert found(manifest, "tag") == [("tag", "a")]


def test_commit_or_tag_without_a_known_signature_is_found(
    repo: Repo, write_manifest: Write, signing_key: Path, signers: Path, tmp_path: Path
) -> None:
    own = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "gpg.format=ssh")
    signing = (*own, "-c", f"user.signingkey={signing_key}")
    other = tmp_path / "other"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True, timeout=60
    )
    unknown = (*own, "-c", f"user.signingkey={other}")
    make = ("commit-tree", "-S", "master^{tree}", "-p", "master", "-m", "signed")
    signed, stranger = repo.git(*signing, *make), repo.git(*unknown, *make)
    repo.git("update-ref", "refs/heads/signed", signed)
    repo.git("update-ref", "refs/heads/stranger", stranger)
    repo.git(*signing, "tag", "-s", "-m", "v1", "v1", repo.commits[0])
    repo.git(*unknown, "tag", "-s", "-m", "v2", "v2", repo.commits[1])
    manifest = write_manifest(
        "books:\n"
        + book("signed", repo, f"branch: {signed}")
        + book("by-tag", repo, f"branch: {repo.commits[0]}, tag: v1")
        + book("tag-id", repo, f"branch: {repo.git('rev-parse', 'v1')}")
        + book("stranger", repo, f"branch: {stranger}")
        + book("strange-tag", repo, f"branch: {repo.commits[1]}, tag: v2")
        + book("wrong-tag", repo, f"branch: {repo.commits[1]}, tag: v1")
        + book("unsigned", repo, f"branch: {repo.commits[0]}")
    )
    bad = ["stranger", "strange-tag", "wrong-tag", "unsigned"]
    assert found(manifest, "signed", signers=signers) == [("signed", name) for name in bad]
    (manifest.parent / "signers").write_bytes(signers.read_bytes())
    plain = manifest.read_text()
    rule = f"lint: {{signed: {{signers: signers, except: {json.dumps(bad)}}}}}\n"
    assert found(write_manifest(rule + plain)) == []
    with pytest.raises(GitshelfError, match="who may sign is not said"):
        found(write_manifest(plain), "signed")


@pytest.fixture
def openpgp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Makes OpenPGP keys that the user's own GnuPG knows, by their names, and gives them."""
    if shutil.which("gpg") is None and os.environ.get("CI") != "true":
        pytest.skip("gpg is not installed")

    def gpg(*arguments: str) -> str:
        argv = ["gpg", "--batch", "--quiet", "--passphrase", "", *arguments]
        done = subprocess.run(argv, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def make(name: str) -> str:
        gpg("--quick-generate-key", name, "ed25519", "sign", "never")
        return gpg("--armor", "--export", name)

    # Short, because its agent listens there.
    with tempfile.TemporaryDirectory(prefix="gnupg-") as home:
        monkeypatch.setenv("GNUPGHOME", home)
        yield make
        subprocess.run(["gpgconf", "--kill", "all"], timeout=60)


def test_openpgp_signature_counts_by_the_keys_of_the_release_alone(
    repo: Repo,
    write_manifest: Write,
    openpgp: Callable[[str], str],
    signing_key: Path,
    signers: Path,
    run_cli: Cli,
) -> None:
    known = openpgp("known@example.org")
    openpgp("stranger@example.org")
    own = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    make = ("commit-tree", "-S", "master^{tree}", "-p", "master", "-m", "signed")
    made = {}
    for name in ("known", "stranger"):
        made[name] = repo.git(*own, "-c", f"user.signingkey={name}@example.org", *make)
    ssh = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={signing_key}")
    made["ssh"] = repo.git(*own, *ssh, *make)
    for name, commit in made.items():
        repo.git("update-ref", f"refs/heads/{name}", commit)
    who = "user.signingkey=known@example.org"
    repo.git(*own, "-c", who, "tag", "-s", "-m", "v1", "v1", repo.commits[0])
    text = "books:\n" + "".join(book(n, repo, f"branch: {c}") for n, c in made.items())
    text += book("by-tag", repo, f"branch: {repo.commits[0]}, tag: v1")
    manifest = write_manifest(text)
    keys = manifest.parent / "keys.asc"
    keys.write_text(known)

    def bad(**asked: Any) -> set[str]:
        return {name for _, name in found(manifest, "signed", **asked)}

    assert bad(keys=keys) == {"stranger", "ssh"}
    assert bad(keys=keys, signers=signers) == {"stranger"}
    assert bad(signers=signers) == {"known", "stranger", "by-tag"}
    rule = "lint: {signed: {keys: keys.asc, except: [stranger, ssh]}}\n"
    assert run_cli("lint", "--gitshelf", write_manifest(rule + text)).code == 0
    keys.write_text("nothing\n")
    said = run_cli("lint", "--gitshelf", manifest, "--rule", "signed", "--keys", keys)
    assert said.code == 2
    assert "keys.asc holds no OpenPGP keys" in said.err


def test_secret_is_found_by_path_and_line_and_never_shown(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    token = b"ghp_" + b"a1B2" * 9
    pin = repo.commit(
        {
            b"in/deep/id": b"# a\n" + KEY,
            b"in/tok\xe9n": b"x\ny = '" + token + b"'\n",
            b"in/doc": b"Write -----BEGIN RSA PRIVATE " + b"KEY----- on top. npm_ is not one.\n",
            b"out/id": KEY,
            b"in/big": b"\n" * (1 << 20) + b"\n" * 4090 + KEY + b"z" * 10000,
        }
    )
    manifest = write_manifest("books:\n" + book("a", repo, f"branch: {pin}, path: in"))
    said = run_cli("lint", "--rule", "secrets", "--gitshelf", manifest)
    assert said.code == 1
    assert "deep/id has a private key in line 2" in said.out
    assert "tok\\xe9n has a GitHub token in line 2" in said.out
    assert f"big has a private key in line {(1 << 20) + 4091}" in said.out
    assert "3 findings" in said.out
    assert token.decode() not in said.out
    assert "b3BlbnNzaC1r" not in said.out
    rule = "lint: {secrets: {allow: ['a/deep/*', 'a/tok*', a/big]}}\n"
    assert found(write_manifest(rule + manifest.read_text())) == []


@pytest.mark.parametrize("cut", range(0, len(KEY), 7))
def test_secret_across_two_pieces_is_found(cut: int) -> None:
    data = b"one\n" * 3000 + KEY
    place = 12000 + cut
    assert set(scan(iter([data[:place], data[place:]]))) == {("a private key", 3001)}


@pytest.fixture
def outer(repo: Repo, make_repo: Callable[..., Repo]) -> Repo:
    """A repository with a submodule `lib/in`, which holds a private key as `id`."""
    repo.commit({b"id": KEY, b"x": b"1"})
    made = make_repo("outer")
    modules = b'[submodule "in"]\n\tpath = lib/in\n\turl = ../book.git\n'
    link = ("160000", repo.commits[-1].encode())
    made.commit({b".gitmodules": modules, b"lib/in": link, b"y": b"2"})
    return made


def test_secret_in_an_included_submodule_is_found_at_its_place(
    outer: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    books = "books:\n" + book("o", outer, "branch: master, submodules: include")
    said = run_cli("lint", "--rule", "secrets", "--gitshelf", write_manifest(books))
    assert said.code == 1
    assert ":2: book o: submodule lib/in: id has a private key in line 1" in said.out
    assert found(write_manifest("lint: {secrets: {allow: [o/lib/in/id]}}\n" + books)) == []
    for place in ("o", "o/lib/in"):
        rule = f"lint: {{secrets: {{except: [{place}]}}}}\n"
        assert found(write_manifest(rule + books)) == []
    assert found(write_manifest(books.replace(": include", ": omit")), "secrets") == []


def test_secret_in_an_lfs_object_is_found_where_the_book_includes_it(
    repo: Repo, write_manifest: Write
) -> None:
    content = KEY + b"x" * 2000
    oid = hashlib.sha256(content).hexdigest()
    file = repo.path / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    repo.commit({b"big.bin": Pointer(oid, len(content)).to_bytes()})
    books = "books:\n" + book("a", repo, "branch: master, lfs: include")
    (finding,) = gitshelf.lint(write_manifest(books), ["secrets"])
    assert finding.message == "big.bin has a private key in line 1"
    assert found(write_manifest(books.replace(": include", ": omit")), "secrets") == []


def test_book_that_writes_a_path_of_an_included_submodule_is_found(
    outer: Repo, repo: Repo, write_manifest: Write
) -> None:
    manifest = write_manifest(
        "books:\n"
        + book("o", outer, "branch: master, submodules: include")
        + book("o/lib/in/x", repo, f"branch: {repo.commits[0]}")
        + book("o/lib/in/new", repo, f"branch: {repo.commits[0]}")
    )
    assert found(manifest, "same-path") == [("same-path", "o/lib/in/x")]


def test_books_that_write_the_same_path_are_found(
    repo: Repo, make_repo: Callable[..., Repo], write_manifest: Write
) -> None:
    other = make_repo("other")
    other.commit({b"x": b"1"})
    manifest = write_manifest(
        "books:\n"
        + book("o", repo, "branch: master")
        + "".join(book(f"o/{name}", other, "branch: master") for name in ("a", "README/b", "new/c"))
        + "- {book: o/a/run, link: ../new}\n"
        + book("p", repo, "branch: master, path: a")
        + book("p/README", other, "branch: master")
        + book("p/run", other, "branch: master")
    )
    names = [name for _, name in found(manifest, "same-path")]
    assert names == ["o/a", "o/README/b", "o/a/run", "p/run"]


def test_rules_of_the_manifest_are_checked_for_mistakes(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    books = "books:\n" + book("a", repo, "branch: master")
    for text, message in (
        ("lint: {full-shaa: }\n", ":1: unknown key full-shaa in lint"),
        ("lint:\n  secrets: {allowed: []}\n", ":2: unknown key allowed"),
        ("lint:\n  secrets: {allow: x}\n", ":2: allow must be a list"),
        ("lint: [full-sha]\n", ":1: lint must be a mapping"),
    ):
        said = run_cli("lint", "--gitshelf", write_manifest(text + books))
        assert said.code == 2
        assert message in said.err
    said = run_cli("lint", "--rule", "nope", "--gitshelf", write_manifest(books))
    assert said.code == 2
    assert "there is no rule nope" in said.err
    assert "same-path" in run_cli("lint", "--list").out
    # A manifest with rules builds as ever.
    gitshelf.resolve(write_manifest("lint: {full-sha: }\n" + books))


def test_repository_that_is_away_is_an_error_with_the_book(
    write_manifest: Write, run_cli: Cli, tmp_path: Path
) -> None:
    manifest = write_manifest(f"books:\n- {{book: a, git: 'file://{tmp_path}/x', branch: v1}}\n")
    for rule in ("exists", "secrets", "same-path"):
        said = run_cli("lint", "--rule", rule, "--gitshelf", manifest)
        assert said.code == 2
        assert f"{manifest}:2: book a: " in said.err
    assert run_cli("lint", "--rule", "full-sha", "--gitshelf", manifest).code == 1


def test_commit_that_is_nowhere_is_a_finding_where_that_is_asked(
    repo: Repo, write_manifest: Write
) -> None:
    manifest = write_manifest(
        "books:\n" + book("a", repo, f"branch: {'1' * 40}") + book("b", repo, "branch: master")
    )
    assert found(manifest, "exists") == [("exists", "a")]
    both = found(manifest, "secrets", "on-branch", "exists", "full-sha")
    assert both == [("exists", "a"), ("full-sha", "b")]
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:2: book a: .* has no commit 1111"):
        found(manifest, "secrets")


def test_installed_plugin_is_a_rule(
    repo: Repo, write_manifest: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(subject: Any, settings: Any) -> list[Finding]:
        return [Finding("mine", one.place, "no", "do", one.at) for one in subject.books]

    point = EntryPoint("mine", "x:y", rules.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Rule("mine", "never", check))
    monkeypatch.setattr(rules, "entry_points", lambda group: [point])
    text = "lint: {mine: }\nbooks:\n" + book("a", repo, "branch: master")
    assert found(write_manifest(text)) == [("mine", "a")]
