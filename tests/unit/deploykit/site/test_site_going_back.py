"""The rollback class of an edge: what two releases declare, and what an environment has of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.site.declarations import read_declared
from deploykit.site.going_back import (
    Declared,
    Move,
    Part,
    RollbackClass,
    moves_between,
    packages_come_back,
    way_back,
)

REVERSIBLE, RESTORE, FORWARD_ONLY = RollbackClass
API, AGENT = frozenset({"api", "database"}), frozenset({"agent", "database"})
ROLES = """\
roles:
  api: {{components: [nova], stage: control, account: nova, schema: {schema}{more}}}
  agent: {{components: [libvirt], stage: agents, account: nova}}
"""


def declared(value: str, takes: RollbackClass = RESTORE, *subjects: str) -> Declared:
    part = Part("nova", value, takes, frozenset({"api"}))
    return Declared({"the schema of nova": part}, frozenset(subjects))


@pytest.mark.parametrize(
    ("older", "moved"),
    [
        (declared("zed"), []),
        (declared("yoga"), ["the schema of nova: yoga before, zed then"]),
        (Declared({}, frozenset({"nova"})), ["the schema of nova: none before, zed then"]),
        # It came with the newer release: nothing of the older one reads its database.
        (Declared({}, frozenset({"glance"})), []),
    ],
)
def test_what_the_older_release_has_and_finds_otherwise_moves(
    older: Declared, moved: list[str]
) -> None:
    assert [str(move) for move in moves_between(older, declared("zed"))] == moved


def test_what_the_newer_release_does_not_have_any_more_stays_as_it_was() -> None:
    assert moves_between(declared("zed"), Declared()) == ()


@pytest.mark.parametrize(
    ("takes", "roles", "kind"),
    [
        ([], API, REVERSIBLE),
        ([REVERSIBLE], API, REVERSIBLE),
        ([RESTORE], API, RESTORE),
        ([RESTORE, FORWARD_ONLY, REVERSIBLE], API, FORWARD_ONLY),
        ([FORWARD_ONLY], AGENT, REVERSIBLE),  # no node has what moves
        ([RESTORE], None, RESTORE),
        ([RESTORE], frozenset({"api"}), FORWARD_ONLY),  # no node has the database
    ],
)
def test_class_is_the_most_that_a_move_in_the_environment_takes(
    takes: list[RollbackClass], roles: frozenset[str] | None, kind: RollbackClass
) -> None:
    moves = [Move(f"part {n}", "a", "b", one, frozenset({"api"})) for n, one in enumerate(takes)]
    found = way_back(moves, roles)
    assert found.kind == kind
    assert len(found.moves) == (0 if kind == REVERSIBLE else sum(t != REVERSIBLE for t in takes))


def test_move_of_no_role_counts_everywhere() -> None:
    assert way_back([Move("it", "a", "b", RESTORE)], AGENT).kind == RESTORE


def content(
    folder: Path, schema: str, more: str = "", *, updates: str = "1", top: str = ""
) -> Path:
    (folder / "pillar").mkdir(parents=True)
    (folder / "states" / "nova").mkdir(parents=True)
    (folder / "roles.yml").write_text(ROLES.format(schema=schema, more=more) + top)
    (folder / "pillar" / "nova.sls").write_text("nova: {packages: [nova-api], other: 1}\n")
    (folder / "pillar" / "vendor.sls").write_text(
        f"vendor: {{suites: [one], updates: {updates}}}\n"
    )
    return folder


def test_schema_moves_and_takes_a_restore_unless_the_content_says_otherwise(tmp_path: Path) -> None:
    older = read_declared(content(tmp_path / "older", "yoga"))
    (move,) = moves_between(older, read_declared(content(tmp_path / "newer", "zed")))
    assert (move.was, move.will, move.takes, move.roles) == ("yoga", "zed", RESTORE, {"api"})
    said = content(tmp_path / "said", "zed", ", rollback: {schema: forward-only}")
    (move,) = moves_between(older, read_declared(said))
    assert move.takes == FORWARD_ONLY
    for_all = content(tmp_path / "all", "zed", top="rollback: {schema: reversible}\n")
    (move,) = moves_between(older, read_declared(for_all))
    assert move.takes == REVERSIBLE


def test_packages_of_a_role_move_where_the_newer_release_says_that_this_takes_something(
    tmp_path: Path,
) -> None:
    older = content(tmp_path / "older", "zed", updates="1")
    newer = content(tmp_path / "newer", "zed", ", rollback: {packages: restore}", updates="2")
    ours = read_declared(newer)
    assert set(ours.parts) == {"the schema of nova", "the packages of api"}
    (move,) = moves_between(read_declared(older, ["api"]), ours)
    assert (move.what, move.takes) == ("the packages of api", RESTORE)
    assert (move.was, move.will) == ("nova-api ['one'] 1", "nova-api ['one'] 2")


@pytest.mark.parametrize(
    ("more", "top", "staying"),
    [
        ("", "", {"api", "agent"}),
        (", rollback: {packages: reversible}", "", {"agent"}),
        ("", "rollback: {packages: restore}\n", set()),
        (", rollback: {packages: stay}", "rollback: {packages: reversible}\n", {"api"}),
    ],
)
def test_packages_stay_for_the_roles_of_which_nothing_else_is_said(
    tmp_path: Path, more: str, top: str, staying: set[str]
) -> None:
    declared = read_declared(content(tmp_path / "salt", "zed", more, top=top))
    assert (declared.staying, declared.coming) == (staying, {"api", "agent"} - staying)
    assert packages_come_back(declared) == (not staying)
    assert packages_come_back(declared, frozenset({"api", "master"})) == ("api" not in staying)
    assert not packages_come_back(declared, frozenset({"master"}))


def test_role_without_components_has_no_packages_to_stay(tmp_path: Path) -> None:
    top = "  master: {components: []}\nrollback: {packages: reversible}\n"
    declared = read_declared(content(tmp_path / "salt", "zed", top=top))
    assert (declared.coming, declared.staying) == ({"api", "agent"}, set())


def test_packages_of_a_content_that_says_nothing_stay() -> None:
    assert not packages_come_back(Declared())


def test_content_without_a_role_map_declares_nothing(tmp_path: Path) -> None:
    assert read_declared(tmp_path) == Declared()


def test_class_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    said = content(tmp_path / "salt", "zed", ", rollback: {schema: restored}")
    with pytest.raises(InputError, match=r"roles.yml:2: .*'restored' is none of reversible"):
        read_declared(said)


def test_word_for_packages_that_is_none_is_told_with_those_that_are(tmp_path: Path) -> None:
    said = content(tmp_path / "salt", "zed", ", rollback: {packages: stays}")
    with pytest.raises(InputError, match=r"'stays' is none of .*forward-only, stay\n?") as error:
        read_declared(said)
    assert "did you mean 'stay'?" in error.value.remedy
    schema = content(tmp_path / "other", "zed", ", rollback: {schema: stay}")
    with pytest.raises(InputError, match="'stay' is none of reversible, restore, forward-only"):
        read_declared(schema)
