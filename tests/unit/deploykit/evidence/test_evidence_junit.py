"""Files of test results, of several writers and of bad ones."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.evidence.junit import LIMIT, Results, read_results

WRITTEN = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
TESTS = """import pytest

def test_right(): pass
def test_wrong(): assert False
@pytest.mark.skip
def test_left_out(): pass
@pytest.fixture
def broken(): raise OSError
def test_without_its_fixture(broken): pass
"""
BOMB = """<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>"""


def read(folder: Path, text: str) -> Results:
    """What a file says that was written at WRITTEN."""
    file = folder / "results.xml"
    file.write_text(text)
    os.utime(file, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return read_results(file)


def counts(found: Results) -> tuple[int, int, int, int]:
    return found.tests, found.failures, found.errors, found.skipped


def test_file_that_pytest_writes_is_counted_named_and_dated(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    begun = datetime.now(UTC)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=r.xml"]
    env = {**os.environ, "PYTEST_ADDOPTS": "", "TZ": "Asia/Tokyo"}
    subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, timeout=60, check=False)
    found = read_results(tmp_path / "r.xml")
    assert counts(found) == (4, 1, 1, 1) and found.passed == 1
    assert found.broken == ("test_it.test_wrong", "test_it.test_without_its_fixture")
    assert found.stamped and begun <= found.began <= datetime.now(UTC)
    assert 0 < found.seconds < 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # subunit2junitxml, as with tempest: no timestamp, and a word of its own for a skip
        ("""<testsuite errors="0" failures="1" name="" tests="3" time="7.500">
            <testcase classname="tempest.api" name="test_a[id-1]" time="2.5"/>
            <testcase classname="tempest.api" name="test_b[id-2]" time="2.5">
              <failure type="testtools.testresult.real._StringException">no</failure></testcase>
            <testcase classname="tempest.api" name="test_c" time="2.5"><skip>no</skip></testcase>
            </testsuite>""", (3, 1, 0, 1)),
        # suites within suites: the outer ones' counts hold the inner ones'
        ("""<testsuites><testsuite tests="3" failures="1" skipped="1" time="7.5">
              <testsuite tests="2" failures="1" time="5"><testcase name="a"/>
                <testcase name="b"><failure/></testcase></testsuite>
              <testsuite tests="1" skipped="1" time="2.5"><testcase name="c"><skipped/></testcase>
              </testsuite></testsuite></testsuites>""", (3, 1, 0, 1)),
        # several suites side by side
        ("""<testsuites><testsuite time="1.5"><testcase name="a"/></testsuite>
            <testsuite time="6.0"><testcase name="b"><error/></testcase></testsuite>
            </testsuites>""", (2, 0, 1, 0)),
        ('<testsuite time="7.5" tests="3" failures="1" skips="1"/>', (3, 1, 0, 1)),
    ],
    ids=["subunit", "nested", "side by side", "counts alone"],
)  # fmt: skip
def test_file_of_another_writer_is_counted_once(
    tmp_path: Path, text: str, expected: tuple[int, int, int, int]
) -> None:
    found = read(tmp_path, text)
    assert (counts(found), found.seconds) == (expected, 7.5)


def test_seconds_with_a_comma_between_thousands_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, '<testsuite time="1,234.5"><testcase/></testsuite>').seconds == 1234.5


def test_suite_that_tells_of_more_failures_than_it_lists_is_believed(tmp_path: Path) -> None:
    text = '<testsuite tests="9" failures="2" errors="1"><testcase name="a"/></testsuite>'
    assert counts(read(tmp_path, text)) == (9, 2, 1, 0)
    text = '<testsuite tests="0" failures="0"><testcase><failure/></testcase></testsuite>'
    assert counts(read(tmp_path, text)) == (1, 1, 0, 0)


def test_case_that_failed_and_was_skipped_has_failed_once(tmp_path: Path) -> None:
    text = (
        "<testcase><error/><failure/><skipped/></testcase><testcase><skipped/><error/></testcase>"
    )
    assert counts(read(tmp_path, f"<testsuite>{text}</testsuite>")) == (2, 1, 1, 0)


def test_earliest_moment_with_a_zone_is_when_the_tests_began(tmp_path: Path) -> None:
    text = """<testsuites><testsuite timestamp="2026-11-26T12:30:00+09:00"><testcase/></testsuite>
              <testsuite timestamp="2026-11-26T04:00:00Z"><testcase/></testsuite></testsuites>"""
    found = read(tmp_path, text)
    assert found.stamped
    assert found.began == datetime(2026, 11, 26, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "stamp", ["", "2026-11-26T11:59:00", "last night", "0001-01-01T00:00+14:00"]
)
def test_moment_that_may_be_hours_off_is_left_for_the_files_own_time(
    tmp_path: Path, stamp: str
) -> None:
    found = read(tmp_path, f'<testsuite timestamp="{stamp}" time="90"><testcase/></testsuite>')
    assert not found.stamped
    assert found.began == WRITTEN - timedelta(seconds=90)


def test_moment_that_is_long_past_in_every_zone_is_believed(tmp_path: Path) -> None:
    """As rally and others write it, who make a file today of a run of last week."""
    text = """<testsuite timestamp="2026-11-19T11:00:00" time="90"><testcase/></testsuite>"""
    assert read(tmp_path, text).began == datetime(2026, 11, 19, 23, 0, tzinfo=UTC)


def test_names_of_failures_are_few_short_and_harmless_on_a_terminal(tmp_path: Path) -> None:
    case = '<testcase classname="a&#10;b" name="{}"><failure/></testcase>'
    names = ["\x9b31mred", "x" * 5000, *"cdefghi"]
    found = read(tmp_path, f"<testsuite>{''.join(map(case.format, names))}</testsuite>")
    assert found.failures == 9 and len(found.broken) == 5
    assert found.broken[0] == "a b.?31mred"
    assert max(map(len, found.broken)) <= 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("  \n", "not XML"),
        ("12 passed in 3 s", "not XML"),
        ("<testsuite><testcase/>", "not XML"),
        ("<testsuite><testcase>&nbsp;</testcase></testsuite>", "not XML"),
        ('<?xml version="1.0" encoding="nope"?><testsuite/>', "not XML"),
        ("<html><body/></html>", "its root is 'html'"),
        (BOMB, "results.xml:1: it declares a document type"),
        ("<testsuite/>", "it holds no test"),
        ('<testsuites tests="0"><testsuite tests="0"/></testsuites>', "it holds no test"),
        ('<testsuite\n tests="-1"/>', "tests is '-1'"),
        ('<testsuite failures="many"/>', "failures is 'many'"),
        ('<testsuite time="nan"><testcase/></testsuite>', "time is 'nan'"),
        ('<testsuite time="1e308"><testcase/></testsuite>', "its tests took"),
        ("<testsuite>" + "<a>" * 200, "too deep"),
    ],
)
def test_file_that_is_no_result_of_tests_is_refused_by_name(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert str(tmp_path / "results.xml") in error.value.message
    assert said in error.value.message


def test_file_that_is_too_big_is_refused(tmp_path: Path) -> None:
    text = f"<testsuite><testcase/>{' ' * LIMIT}</testsuite>"
    with pytest.raises(InputError, match="more than 64 MiB"):
        read(tmp_path, text)


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("pipe", "it is no file"), ("gone", "cannot be read")):
        with pytest.raises(InputError, match=f"{name}: {said}"):
            read_results(tmp_path / name)
