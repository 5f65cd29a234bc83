"""Signatures: files refused with their line, patterns in bounded time, lines recognised."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.logs.signatures import (
    Signature,
    every_shipped,
    read_signatures,
    recognise,
    recognise_line,
    shipped,
    signatures_of,
)
from deploykit.site import open_site

GOOD = """signatures:
  greenlet:
    pattern: 'greenlet\\.error: cannot switch to (?P<what>\\w+)'
    files: ['*-smoke.log']
    tags: [nova]
    bug: 1572495
    message: "several threads: {what}"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "own.yml"
    file.write_text(text)
    return file


def test_file_that_fits_gives_its_signatures_in_order(tmp_path: Path) -> None:
    (found,) = read_signatures(written(tmp_path, GOOD))
    assert (found.name, found.bug, found.tags) == ("greenlet", "1572495", ("nova",))
    assert found.place == f"{tmp_path}/own.yml:3"
    assert found.concerns("test-smoke.log") and not found.concerns("test-day0.log")


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("    bug:", "    bugs:", 6, "unknown key 'bugs'"),
        ("signatures:", "signature:", 1, "unknown key 'signature'"),
        ("  greenlet:", "  Green let:", 3, "not a name"),
        ('    message: "several threads: {what}"\n', "", 3, "'message' is missing"),
        ("{what}", "{who}", 7, "{who} is no group of the pattern"),
        ("{what}", "{what", 7, "not a message"),
        ("greenlet\\.error", "(", 3, "not a pattern"),
        ("greenlet\\.error", "(a)\\1", 3, "bounded time"),
        ("greenlet\\.error", "(?=a)", 3, "bounded time"),
        ("'greenlet\\.error: cannot switch to (?P<what>\\w+)'", "'(?P<what>.*)'", 3, "every line"),
        ("greenlet\\.error", "a" * 600, 3, "at most 500 characters"),
    ],
)  # fmt: skip
def test_file_that_does_not_fit_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as refused:
        read_signatures(written(tmp_path, GOOD.replace(old, new)))
    assert refused.value.message.startswith(f"{tmp_path}/own.yml:{line}: ")
    assert told in refused.value.message


def test_unknown_key_comes_with_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_signatures(written(tmp_path, GOOD.replace("    files:", "    file:")))
    assert refused.value.remedy == "did you mean 'files'?"


def test_pattern_that_backtracks_elsewhere_takes_no_time_here(tmp_path: Path) -> None:
    text = GOOD.replace(
        "greenlet\\.error: cannot switch to (?P<what>\\w+)", "z(a*)*(a|aa)+(?P<what>b)"
    )
    signatures = read_signatures(written(tmp_path, text))
    lines = "".join(f"{n} z{'a' * 5000}\n" for n in range(200))
    began = time.process_time()
    assert not list(recognise(lines, signatures))
    assert time.process_time() - began < 1


def test_pattern_that_asks_for_line_ends_is_not_carried_through_the_log_line_by_line() -> None:
    signature = Signature("x", r"begin[\s\S]*end", "m")
    text = "begin of something\n" * 20_000 + "end\nbegin to end\n"
    began = time.process_time()
    assert [one.number for one in recognise(text, [signature])] == [20_002]
    assert time.process_time() - began < 2


def test_lines_are_looked_at_one_by_one_and_told_with_their_number() -> None:
    signature = Signature("x", r"from\s+(?P<who>\w+)[^;]*to", "{who}")
    found = list(recognise("from\nhim to\nfrom her to\r\n\nfrom us to", [signature]))
    assert [(one.number, one.told) for one in found] == [(3, "her"), (5, "us")]


def test_what_stands_behind_the_part_of_a_line_that_is_looked_at_is_not_recognised() -> None:
    signature = Signature("x", "fault", "m")
    assert not list(recognise(f"{'é' * 20_000} fault", [signature]))
    assert recognise_line(f"{'é' * 9000} fault", [signature]) is not None


def test_rest_of_a_line_is_whole_however_long_it_is() -> None:
    (signature,) = shipped("ansible.yml")
    found = recognise_line(f"fatal: [salt]: FAILED! => {'é' * 50_000}", [signature])
    assert found is not None and found.rest == "é" * 50_000
    assert found.fields == {"host": "salt", "kind": "FAILED", "item": ""}


def test_signature_of_other_logs_is_passed_over() -> None:
    signature = Signature("x", "fault", "m", files=("*-day0.log",))
    assert list(recognise("fault", [signature], "test-day0.log"))
    assert not list(recognise("fault", [signature], "test-smoke.log"))


def site_in(folder: Path, **signatures: str) -> Path:
    (folder / "signatures").mkdir()
    (folder / "site.yml").write_text("name: here\n")
    for name, text in signatures.items():
        (folder / "signatures" / f"{name}.yml").write_text(text)
    return folder


def test_signature_of_the_site_takes_the_place_of_a_shipped_one(tmp_path: Path) -> None:
    own = GOOD.replace("greenlet:", "salt-late:", 1)
    found = signatures_of(open_site(site_in(tmp_path, a=own)))
    assert [one.bug for one in found if one.name == "salt-late"] == ["1572495"]
    assert len(found) == len(list(every_shipped()))


def test_name_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        signatures_of(open_site(site_in(tmp_path, a=GOOD, b=GOOD)))
    assert "b.yml:3" in refused.value.message and "a.yml:3" in refused.value.message


@pytest.mark.parametrize(
    ("line", "name", "told"),
    [
        ("E: Unable to locate package nova-apu", "apt-unknown-package", "nova-apu"),
        ("E: Package 'tgt' has no installation candidate", "apt-no-candidate", "package tgt"),
        ("E: Failed to fetch http://deb.example.org/pool/n/nova-api_26_all.deb  404",
         "apt-no-download", "nova-api cannot be had or installed: 404"),
        ("dpkg: error processing package glance-api:amd64 (--configure):", "dpkg-failed",
         "glance-api cannot be had or installed: --configure"),
        ("fatal: [salt]: UNREACHABLE! => {}", "ansible-failed", "salt"),
        ("FAILED a/test_b.py::test_c - AssertionError: no", "pytest-failed",
         "test_c: AssertionError: no"),
        ("ERROR a/test_b.py", "pytest-failed", "a/test_b.py"),
        ("fi : Timed out after 60 seconds", "salt-late", "longer than 60 s"),
        ("One or more requisite failed: a.conf", "salt-requisite", "requires"),
        ("Host key verification failed.", "ssh-host-key", "not the one"),
    ],
)  # fmt: skip
def test_shipped_signature_recognises_its_tools_words(line: str, name: str, told: str) -> None:
    found = recognise_line(line, every_shipped())
    assert found is not None
    assert found.signature.name == name
    assert told in found.told


def test_site_of_this_repository_has_signatures_that_fit() -> None:
    site = Path(__file__).parents[4] / "deploy-kit"
    found = [one for file in site.glob("signatures/*.yml") for one in read_signatures(file)]
    assert found and all(one.bug for one in found)
