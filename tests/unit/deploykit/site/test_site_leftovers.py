"""What lies beside the environments' files, and files that cannot be read: nothing else stops."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from deploykit.base.errors import DeployKitError, InputError
from deploykit.evidence.junit import read_results
from deploykit.release import manifests
from deploykit.site import Site, open_site
from deploykit.site.environment import read_environments
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ledgerbook import Call
from sitecheckout import Checkout

AGE = re.compile(r"(?m)(?<=^Newest record: ).*$")  # of the record, when it was looked at
NAMES = ["test", "staging", "production"]
LEFT: dict[str, Callable[[Path], object]] = {
    ".#test.yml": lambda path: path.symlink_to("kim@desk.example.org.4711:1700000000"),
    "._test.yml": lambda path: path.write_bytes(b"\0\5\26\7"),
    ".test.yml.swp": lambda path: path.write_bytes(b"b0VIM\0\xff"),
    ".test.yml": lambda path: path.write_text("half: ["),
    "#test.yml#": lambda path: path.write_text("half: ["),
    "#test.yml": lambda path: path.write_text("half: ["),
    "test.yml~": lambda path: path.write_text("half: ["),
    "test.yml.orig": lambda path: path.write_text("half: ["),
    "4913": lambda path: path.write_text(""),
    "old.yml": lambda path: path.mkdir(),
    "te\u0301st": lambda path: path.write_text("half: ["),
}
BROKEN: dict[str, Callable[[Path], object]] = {
    "half.yml": lambda path: path.write_text("name: half\nnetworks: {"),
    "gone.yml": lambda path: path.symlink_to("nowhere"),
    "bytes.yml": lambda path: path.write_bytes(b"\xff\xfe\0"),
    "Odd.yml": lambda path: path.write_text("name: Odd\nnetworks: {}\nnodes: {}\n"),
    "empty.yml": lambda path: path.write_text(""),
    "round.yml": lambda path: path.symlink_to(path.name),
    "t\u0301.yml": lambda path: path.write_text("name: t\n"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_editors_and_systems_leave_is_no_environment(site: Site, name: str) -> None:
    LEFT[name](site.folder / "environments" / name)
    assert list(site.environments()) == NAMES
    assert site.read_environments().broken == {}


@pytest.mark.parametrize("name", BROKEN)
def test_file_that_cannot_be_read_is_told_by_name_and_stops_no_other(
    call: Call, checkout_with_site: Checkout, name: str
) -> None:
    site = checkout_with_site.site
    before = call("status")[1]
    BROKEN[name](site.folder / "environments" / name)
    code, out, err = call("status")
    assert (code, AGE.sub("", out)) == (0, AGE.sub("", before))
    assert "left out" in err and name in err
    assert site.environment("production").name == "production"
    with pytest.raises(InputError, match=name):
        site.environments()
    code, out, _ = call("hold", "production", "--reason", "an incident")
    assert code == 0 and out.startswith("record 1: hold production")
    code, _, err = call("deploy", "latest", Path(name).stem)
    assert code == 2 and (name in err or "is not the name" in err)


def test_environment_after_one_that_cannot_be_read_is_still_there(site: Site) -> None:
    (site.folder / "environments" / "staging.yml").write_text("name: [")
    reading = site.read_environments()
    assert list(reading.environments) == ["production", "test"]
    assert list(reading.broken) == ["staging"]


ODD = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "C", **ODD}, {"LC_ALL": "POSIX", **ODD}, {"PYTHONIOENCODING": "latin-1"}],
    ids=["C", "POSIX", "latin-1"],
)
def test_locale_that_is_not_utf8_and_names_in_either_normal_form_are_no_matter(
    checkout_with_site: Checkout, tmp_path: Path, locale: dict[str, str]
) -> None:
    folder = tmp_path / "Zu\u0308rich Z\u00fcrich"
    checkout_with_site.folder.rename(folder)
    for words in (["release", "cut"], ["status"], ["release", "show", "latest"], ["doctor"],
                  ["hold", "test", "--reason", "Gr\u00fc\u00dfe \u2713"], ["history"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", "from deploykit.cli import main; main()",
             "--site", str(folder / "deploy-kit"), *words],
            env={**os.environ, **locale}, capture_output=True, timeout=100,
        )  # fmt: skip
        assert b"Traceback" not in done.stderr, (words, done.stderr)
        assert done.returncode == 0 or words == ["doctor"], (words, done.stderr)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
@example(data=b"")
@pytest.mark.parametrize(
    "around",
    [
        b"%s",
        b"name: x\nnetworks: {a: {cidr: 10.0.0.0/24}}\nnodes: %s\n",
        b"name: %s\n",
        b"name: !!timestamp x%s\n",
        b"name: !!int x%s\n",
        b"name: !!odd%s x\n",
        b'<testsuite tests="1" timestamp="%s"><testcase name="a"/></testsuite>',
    ],
)
def test_no_bytes_make_a_reader_fail_otherwise_than_in_words(
    tmp_path: Path, around: bytes, data: bytes
) -> None:
    content = around.replace(b"%s", data)
    (tmp_path / "environments").mkdir(exist_ok=True)
    for path in ("environments/x.yml", "site.yml", "results.xml"):
        (tmp_path / path).write_bytes(content)
    reading = read_environments(tmp_path / "environments")
    assert len(reading.environments) + len(reading.broken) == 1
    for read in (lambda: open_site(tmp_path), lambda: read_results(tmp_path / "results.xml")):
        try:
            read()
        except DeployKitError as error:
            assert str(tmp_path) in error.message


@pytest.mark.parametrize("left", [".#2026.47.1.yml", "2026.47.1.yml~", "2026.47.x.yml", "x.yml"])
def test_what_lies_beside_releases_is_none(site: Site, left: str) -> None:
    folder = site.folder / "releases"
    folder.mkdir()
    (folder / "2026.47.1.yml").write_text("books: []\n")
    (folder / left).write_bytes(b"\xff")
    (folder / "2026.47.2.yml").mkdir()
    (folder / "2026.47.3.yml").symlink_to("nowhere")
    assert list(manifests(site)) == ["2026.47.1"]
