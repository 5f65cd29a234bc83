"""`pin` and `update`: manifests whose pins change while all the rest stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gitshelf.base.errors import GitshelfError

import gitshelf

Repo = Any
Cli = Callable[..., Any]
Write = Callable[[str], Path]


def test_pin_writes_shas_in_place_and_keeps_comments_mode_and_line_ends(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    first, second = repo.commits
    repo.git("-c", "user.name=T", "-c", "user.email=t@example.org", "tag", "-am", "1", "v1", first)
    text = (
        "\ufeff# The shelf.\r\n"
        "books:\r\n"
        "- book: a  # the first\r\n"
        f"  git: {repo.url}\r\n"
        "  branch: master   # moves\r\n"
        f"- {{book: b, git: '{repo.url}', branch: v1}}\r\n"
        f"- git: '{repo.url}' # no branch\r\n"
        "  book: c\r\n"
    )
    manifest = write_manifest("")
    manifest.write_bytes(text.encode())
    manifest.chmod(0o640)
    said = run_cli("pin", "--gitshelf", manifest)
    assert said.code == 0, said.err
    assert "3 of 3 books pinned" in said.out
    wanted = (
        text.replace("master   # moves", f"{second}   # moves\r\n  track: master")
        .replace("branch: v1", f"branch: {first}, tag: v1")
        .replace("' # no", f"'\r\n  branch: {second}\r\n  track: master # no")
    )
    assert manifest.read_bytes().decode() == wanted
    assert manifest.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in manifest.parent.iterdir()] == ["gitshelf.yml"]
    again = run_cli("pin", "--gitshelf", manifest, "--json")
    assert json.loads(again.out)["books"] == []
    assert manifest.read_bytes().decode() == wanted


def test_pin_check_changes_nothing_and_exits_with_1(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    manifest = write_manifest(f"books:\n- {{book: a, git: '{repo.url}'}}\n")
    before = manifest.read_bytes()
    said = run_cli("pin", "--check", "--json", "--gitshelf", manifest)
    assert said.code == 1
    assert json.loads(said.out)["books"] == [
        {"book": "a", "old": "master", "new": repo.commits[1], "track": "master"}
    ]
    assert manifest.read_bytes() == before
    assert run_cli("pin", "--gitshelf", manifest).code == 0
    assert run_cli("pin", "--check", "--gitshelf", manifest).code == 0


def test_pin_that_fails_leaves_the_manifest_alone(
    repo: Repo, write_manifest: Write, run_cli: Cli
) -> None:
    manifest = write_manifest(
        f"books:\n- {{book: a, git: '{repo.url}'}}\n- {{book: b, git: '{repo.url}', branch: x}}\n"
    )
    before = manifest.read_bytes()
    said = run_cli("pin", "--gitshelf", manifest)
    assert said.code == 2
    assert f"{manifest}:3: book b: " in said.err
    assert manifest.read_bytes() == before


def test_pin_in_a_merged_mapping_is_written_into_each_book(
    repo: Repo, write_manifest: Write
) -> None:
    manifest = write_manifest(
        f"books:\n- &base\n  book: a\n  git: {repo.url}\n  branch: master\n- <<: *base\n  book: b\n"
    )
    gitshelf.pin(manifest)
    second = repo.commits[1]
    assert manifest.read_text() == (
        "books:\n"
        f"- &base\n  book: a\n  git: {repo.url}\n  branch: {second}\n  track: master\n"
        f"- <<: *base\n  book: b\n  branch: {second}\n  track: master\n"
    )


def test_pin_shared_by_an_anchor_is_refused_with_its_line(
    repo: Repo, write_manifest: Write
) -> None:
    manifest = write_manifest(
        f"books:\n- book: a\n  git: {repo.url}\n  branch: &b master\n"
        f"- book: b\n  git: {repo.url}\n  branch: *b\n"
    )
    before = manifest.read_bytes()
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:[47]: book [ab]: .* by an anchor"):
        gitshelf.pin(manifest)
    assert manifest.read_bytes() == before


def test_pin_that_cannot_be_written_in_place_changes_nothing(
    repo: Repo, write_manifest: Write
) -> None:
    manifest = write_manifest(
        f"books: [{{book: a, git: '{repo.url}'}}, {{book: b, git: '{repo.url}', branch: HEAD}}]\n"
    )
    before = manifest.read_bytes()
    with pytest.raises(GitshelfError, match="layout is too unusual"):
        gitshelf.pin(manifest)
    assert manifest.read_bytes() == before


def test_update_moves_all_or_chosen_pins_to_the_tip_of_what_they_track(
    make_repo: Callable[..., Repo], write_manifest: Write, run_cli: Cli
) -> None:
    one, two = make_repo("one"), make_repo("two")
    for repo in (one, two):
        repo.commit({b"a": repo.url.encode()})
        repo.commit({b"a": b"2" + repo.url.encode()}, branch="stable/1")
    manifest = write_manifest(
        f"books:\n- {{book: x/a, git: '{one.url}', branch: master}} # one\n"
        f"- {{book: x/b, git: '{two.url}', branch: stable/1}} # two\n"
        f"- {{book: c, git: '{two.url}', branch: {two.commits[0]}}} # fixed\n"
    )
    assert run_cli("pin", "--gitshelf", manifest).code == 0
    pinned = manifest.read_text()
    assert run_cli("update", "--check", "--gitshelf", manifest).code == 0
    new = one.commit({b"a": b"3"}), two.commit({b"a": b"4"}, branch="stable/1")
    assert run_cli("update", "--check", "--gitshelf", manifest).code == 1
    assert manifest.read_text() == pinned
    said = run_cli("update", "x/b", "--json", "--gitshelf", manifest)
    assert json.loads(said.out)["books"] == [
        {"book": "x/b", "old": two.commits[1], "new": new[1], "track": "stable/1"}
    ]
    assert manifest.read_text() == pinned.replace(two.commits[1], new[1])
    said = run_cli("update", "--gitshelf", manifest)
    assert "1 of 2 books updated" in said.out
    assert manifest.read_text() == pinned.replace(two.commits[1], new[1]).replace(
        one.commits[0], new[0]
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("floating", "gitshelf.yml:2: book floating: it follows master by name"),
        ("fixed", "gitshelf.yml:3: book fixed: nothing says which branch"),
        ("gone", "gitshelf.yml:4: book gone: .* has no branch or tag nope"),
        ("fixes", "there is no book fixes from git"),
    ],
)
def test_update_of_a_book_that_cannot_move_is_one_error(
    repo: Repo, write_manifest: Write, run_cli: Cli, asked: str, message: str
) -> None:
    pin = repo.commits[0]
    manifest = write_manifest(
        f"books:\n- {{book: floating, git: '{repo.url}'}}\n"
        f"- {{book: fixed, git: '{repo.url}', branch: {pin}}}\n"
        f"- {{book: gone, git: '{repo.url}', branch: {pin}, track: nope}}\n"
    )
    before = manifest.read_bytes()
    with pytest.raises(GitshelfError, match=message):
        gitshelf.update(manifest, [asked])
    assert run_cli("update", asked, "--gitshelf", manifest).code == 2
    assert manifest.read_bytes() == before


def test_pinned_manifest_keeps_comments_and_builds_the_same_books(
    repo: Repo, write_manifest: Callable[[str], Path], tmp_path: Path
) -> None:
    repo.git("tag", "v1", repo.commits[0])
    first, second = repo.commits
    manifest = write_manifest(
        "# The shelf.\n"
        "defaults: {environment: e}\n"
        f"environments: {{e: {{tokens: {{base: '{repo.url}'}}}}}}\n"
        "books:\n"
        "- book: a  # the first\n"
        "  git: '{base}'\n"
        "  branch: master   # moves\n"
        "- {book: b, git: '{base}', branch: v1}\n"
        "- git: '{base}'\n"
        "  book: c\n"
        f"- {{book: d, git: '{{base}}', branch: {first}}}\n"
        "- {book: e, git: '{base}', branch: HEAD}\n"
        "- {book: l, link: a}\n"
    )
    pinned = gitshelf.pinned_manifest(manifest)
    assert pinned == manifest.read_text().replace(
        "branch: master   # moves", f"branch: {second}   # moves\n  track: master"
    ).replace("branch: v1", f"branch: {first}, tag: v1").replace(
        "- git: '{base}'\n", f"- git: '{{base}}'\n  branch: {second}\n  track: master\n"
    ).replace("branch: HEAD", f"branch: {second}")
    before = gitshelf.resolve(manifest).commits
    repo.commit({b"new": b"1"})
    after = gitshelf.resolve(write_manifest(pinned))
    assert after.commits == before
    assert gitshelf.resolve(write_manifest(manifest.read_text())).commits == before
