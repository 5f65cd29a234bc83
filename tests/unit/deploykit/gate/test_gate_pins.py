"""Pins in real repositories: what they name, and that they are made and pushed once."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.gate.config import Pins
from deploykit.gate.pins import Pinning, Source, paths_of, pins_text
from deploykit.gate.trees import PushRefused, Remote, Trees
from gaterepositories import MANIFEST, PINS, SALT, TOOLS, Repositories


@pytest.fixture
def server(tmp_path: Path) -> Repositories:
    return Repositories(tmp_path / "server")


@pytest.fixture
def trees(tmp_path: Path, server: Repositories) -> Trees:
    remote = Remote(f"file://{server.folder}/{{project}}")
    return Trees(tmp_path / "stores", remote, paths_of(PINS))


def tips(trees: Trees, server: Repositories) -> dict[tuple[str, str], str]:
    found = {place: server.tip(place[0]) for place in (SALT, TOOLS)}
    for (project, branch), commit in found.items():
        trees.bring(project, {commit: f"refs/heads/{branch}"})
    return found


def pinning(trees: Trees) -> Pinning:
    return Pinning(PINS, trees, lambda: "Gate <gate@example.org>")


def test_books_of_the_queue_are_pinned_and_all_others_stay() -> None:
    sources = [Source("cloud/salt", "main", "a" * 40), Source("tools", "main", "b" * 40)]
    text = pins_text(PINS, MANIFEST, sources)
    assert f"branch: {'a' * 40}\n    track: main\n    path: salt" in text
    assert f"branch: {'b' * 40}\n    track: main" in text
    assert text.endswith("branch: main\n") and "# states" in text


def test_book_of_another_branch_or_a_longer_name_is_not_the_queues() -> None:
    manifest = """books:
  - {book: a, git: "https://example.org/cloud/salt", branch: stable}
  - {book: b, git: "ssh://git@example.org:29418/more/tools.git", branch: main}
"""
    sources = [Source("salt", "main", "a" * 40), Source("more/tools", "main", "b" * 40),
               Source("tools", "main", "c" * 40)]  # fmt: skip
    text = pins_text(PINS, manifest, sources)
    assert "branch: stable" in text and "b" * 40 in text and "c" * 40 not in text


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("books: []\n", "no book of gitshelf.yml follows"),
        ("books: [\n", "gitshelf.yml"),
    ],
)
def test_manifest_that_gives_no_pins_is_said(manifest: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        pins_text(PINS, manifest, [Source("tools", "main", "a" * 40)])


def test_pins_move_in_a_commit_of_their_own_and_once(trees: Trees, server: Repositories) -> None:
    before = tips(trees, server)
    commit = pinning(trees).move("main", before)
    assert server.tip("tools") == commit
    assert server.git("tools", "rev-parse", f"{commit}^") == before[TOOLS]
    assert server.git("tools", "diff-tree", "-r", "--name-only", f"{commit}^", commit) == "pins.yml"
    text = server.git("tools", "show", f"{commit}:pins.yml")
    assert before[SALT] in text and before[TOOLS] in text
    assert before[SALT] in server.git("tools", "log", "-1", "--format=%B", commit)
    assert not pinning(trees).move("main", tips(trees, server))


def test_gate_that_was_killed_before_the_push_makes_the_same_commit(
    trees: Trees, server: Repositories, tmp_path: Path
) -> None:
    before = tips(trees, server)
    commit = pinning(trees).move("main", before)
    server.git("tools", "update-ref", "refs/heads/main", before[TOOLS])
    again = Trees(tmp_path / "other stores", trees.remote, trees.pins)
    assert pinning(again).move("main", tips(again, server)) == commit


def test_pins_are_no_part_of_the_state_that_was_tested(trees: Trees, server: Repositories) -> None:
    before = tips(trees, server)
    digest = trees.digest(before)
    pinning(trees).move("main", before)
    after = tips(trees, server)
    assert after != before and trees.digest(after) == digest
    server.commit("tools", {"a": "2\n"})
    assert trees.digest(tips(trees, server)) != digest


def test_pins_of_the_second_merge_name_what_was_merged_and_no_pins_commit(
    trees: Trees, server: Repositories
) -> None:
    before = tips(trees, server)
    pinning(trees).move("main", before)
    salt = server.commit("cloud/salt", {"a": "2\n"})
    pinning(trees).move("main", tips(trees, server))
    text = server.git("tools", "show", "main:pins.yml")
    assert salt in text and before[TOOLS] in text


def test_branch_that_moved_meanwhile_is_left_alone(trees: Trees, server: Repositories) -> None:
    before = tips(trees, server)
    other = server.commit("tools", {"a": "3\n"})
    assert pinning(trees).move("main", before) == ""
    assert server.tip("tools") == other


def test_push_that_the_server_refuses_is_told_with_its_words(
    trees: Trees, server: Repositories
) -> None:
    hook = server.folder / "tools/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    with pytest.raises(PushRefused, match="pre-receive hook declined"):
        pinning(trees).move("main", tips(trees, server))


def test_manifest_that_is_not_there_is_named(trees: Trees, server: Repositories) -> None:
    lost = Pinning(Pins("tools", "lost.yml", "pins.yml"), trees, lambda: "Gate <>")
    with pytest.raises(InputError, match=r"no lost\.yml"):
        lost.move("main", tips(trees, server))
