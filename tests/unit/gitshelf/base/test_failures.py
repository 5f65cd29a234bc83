"""What a run says when something fails: each failure, each with its location, once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from gitshelf.base import files
from gitshelf.base.errors import GitshelfError, Refused
from gitshelf.base.process import Running, Stopped, last_line
from gitshelf.base.threads import run_all
from gitshelf.git.refs import UnknownCommit
from gitshelf.git.urls import hide_password
from gitshelf.manifest.document import Location


def failing_together(*errors: BaseException) -> list[tuple[str, Callable[[], None]]]:
    """Tasks that all begin before the first of them fails."""
    barrier = threading.Barrier(len(errors))

    def task(error: BaseException) -> Callable[[], None]:
        def fail() -> None:
            barrier.wait(30)
            raise error

        return fail

    return [(f"book{number}", task(error)) for number, error in enumerate(errors)]


def test_two_books_that_fail_are_both_told() -> None:
    errors = GitshelfError("a is wrong", "mend a"), GitshelfError("b is wrong", "mend b")
    with pytest.raises(GitshelfError) as caught:
        run_all(failing_together(*errors), 2, Running())
    assert caught.value.message == "a is wrong\n  b is wrong"
    assert caught.value.remedy == "mend a; mend b"


def test_one_failure_is_raised_as_it_is_and_the_stopped_say_nothing() -> None:
    refused = Refused("no", "get another")
    with pytest.raises(Refused) as caught:
        run_all(failing_together(Stopped("git was stopped"), refused), 2, Running())
    assert caught.value is refused


def test_a_fault_of_gitshelf_itself_comes_before_other_failures() -> None:
    with pytest.raises(ZeroDivisionError):
        run_all(failing_together(GitshelfError("a"), ZeroDivisionError()), 2, Running())


def test_an_error_that_says_where_is_not_located_again() -> None:
    inner, outer = Location("m.yml", 7, "a: submodule x"), Location("m.yml", 3, "a")
    located = inner.locate(GitshelfError("gone", "mend it"))
    assert located.message == "m.yml:7: book a: submodule x: gone"
    assert outer.locate(located) is located
    with pytest.raises(GitshelfError) as caught, outer.locating():
        raise located
    assert caught.value is located


def test_a_located_error_keeps_what_callers_tell_it_by() -> None:
    at = Location("m.yml", 3)
    unknown = at.locate(UnknownCommit("v1", "no v1", "correct it"))
    assert isinstance(unknown, UnknownCommit)
    assert (unknown.wanted, unknown.message, unknown.located) == ("v1", "m.yml:3: no v1", True)
    stopped = Stopped("git was stopped")
    assert at.locate(stopped) is stopped


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@h/x", "https://***@h/x"),
        ("ssh://git@h/x", "ssh://***@h/x"),
        ("https://h/x@y", "https://h/x@y"),
        ("/srv/a@b", "/srv/a@b"),
    ],
)
def test_a_url_that_is_shown_has_no_password(url: str, shown: str) -> None:
    assert hide_password(url) == shown


def test_the_last_line_that_says_something_is_taken() -> None:
    assert last_line("one\n two \n\n") == "two"
    assert last_line(" \n") == ""


def test_a_link_is_turned_at_once_and_a_file_keeps_its_rights(tmp_path: Path) -> None:
    link, file = tmp_path / "l", tmp_path / "f"
    files.make_link(link, "a")
    files.make_link(link, "b")
    assert str(link.readlink()) == "b"
    files.write(file, b"text", mode=0o640)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"text", 0o640)
    files.remove_aside(file)
    assert [path.name for path in tmp_path.iterdir()] == ["l"]
