"""What tempest is told of a region, and which of its tests are left out."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deploykit.evidence.junit import read_results
from tempestenv import Tempest, wanted_of
from tempestrun import EXCLUDED, OWN, Facts, configuration, exclusions, run, stamped

FACTS = Facts(
    auth_url="https://cloud.example.org:5000/v3",
    authority=Path("/run/region-ca.crt"),
    password="p$ss%word",
    region="RegionOne",
    services={"identity", "compute", "image", "network"},
    image="image-id",
    flavors=("small", "large"),
    external="net-id",
    hypervisors=2,
    hosts={"cloud.example.org": "192.0.2.5"},
)


def told(facts: Facts) -> configparser.RawConfigParser:
    found = configparser.RawConfigParser()
    found.read_string(configuration(facts, Path("/home/x")))
    return found


def test_tempest_comes_in_by_the_public_endpoints_and_checks_their_certificate() -> None:
    found = told(FACTS)
    assert found["identity"]["uri_v3"] == FACTS.auth_url
    assert found["identity"]["ca_certificates_file"] == "/run/region-ca.crt"
    kinds = {found[section]["endpoint_type"] for section in ("compute", "network", "image")}
    assert kinds == {found["identity"]["v3_endpoint_type"]} == {"public"}


def test_tempest_asks_of_services_that_the_region_has() -> None:
    there = dict(told(FACTS)["service_available"])
    wanted = {"nova": "true", "glance": "true", "neutron": "true"}
    assert there == {**wanted, "cinder": "false", "swift": "false", "horizon": "false"}
    more = told(replace(FACTS, services={*FACTS.services, "volumev3"}))
    assert more["service_available"]["cinder"] == "true"


def test_password_with_signs_is_read_as_it_is() -> None:
    """oslo.config puts another option's value in the place of '$NAME'."""
    assert told(FACTS)["auth"]["admin_password"] == "p$$ss%word"


def test_each_test_that_is_left_out_has_a_reason() -> None:
    assert len(exclusions(EXCLUDED.read_text())) >= 2


@pytest.mark.parametrize(
    "text", ["'(': it does not compile", "tempest.api: ''", "tempest.api: broken"]
)
def test_pattern_without_a_reason_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\(|no reason"):
        exclusions(text)


def test_packages_are_those_that_the_machine_lacks() -> None:
    said = (
        "Inst python3-zipp (1.0.0-6+deb12u1 Debian:12.9/stable [all])\n"
        "Inst python3-idna [3.3-1] (3.3-1+deb12u1 Debian-Security:12/stable [all])\n"
        "Conf python3-zipp (1.0.0-6+deb12u1 Debian:12.9/stable [all])\n"
    )
    assert wanted_of(said) == ["python3-idna=3.3-1+deb12u1", "python3-zipp=1.0.0-6+deb12u1"]


PROGRAMS = {
    "tempest": """
import os, sys
from pathlib import Path
if sys.argv[1] == "init":
    (Path(sys.argv[2]) / "etc").mkdir(parents=True)
    sys.exit()
mode = Path("etc/tempest.conf").stat().st_mode & 0o777
print(" ".join(sys.argv[1:]), mode, os.environ["TEMPEST_HOSTS"])
""",
    "subunit2junitxml": """
import sys
from pathlib import Path
case = '<testcase classname="c" name="t" time="9"><failure>%s</failure></testcase>'
text = case % sys.stdin.read().replace("<", "")
Path(sys.argv[2]).write_text(f'<testsuite tests="1" failures="1" time="9">{text}</testsuite>')
""",
}


@pytest.fixture
def stand_in(tmp_path: Path) -> Tempest:
    """Programs in the place of tempest's: a test fails, and says how it was called; the run ends
    with 0 all the same."""
    folder = tmp_path / "root" / "usr/bin"
    folder.mkdir(parents=True)
    for name, text in PROGRAMS.items():
        (folder / name).write_text(text)
    return Tempest(tmp_path / "root")


def test_run_that_fails_leaves_its_results_with_their_time(
    stand_in: Tempest, tmp_path: Path
) -> None:
    home, results = tmp_path / "home", tmp_path / "results.xml"
    home.mkdir()
    before = datetime.now(UTC)
    assert run(stand_in, FACTS, home, results) is False
    found = read_results(results)
    assert (found.tests, found.failures, found.stamped) == (1, 1, True)
    assert before <= found.began <= datetime.now(UTC)
    said = results.read_text()
    assert "--smoke --subunit" in said and "384 cloud.example.org=192.0.2.5" in said
    left_out = (home / "excluded").read_text().splitlines()
    assert left_out == list(exclusions(EXCLUDED.read_text()))


def test_suites_in_one_file_are_stamped_all() -> None:
    text = "<testsuites><testsuite tests='1'/><testsuite tests='2'/></testsuites>"
    assert stamped(text, datetime(2026, 11, 29, tzinfo=UTC)).count("2026-11-29T00:00:00+00:00") == 2


def test_region_s_name_leads_to_its_address() -> None:
    """Without DNS, in a process of its own."""
    line = "import socket; print(socket.getaddrinfo('cloud.example.org', 80)[0][4][0])"
    done = subprocess.run(
        [sys.executable, "-c", line],
        env={**os.environ, "PYTHONPATH": str(OWN), "TEMPEST_HOSTS": "cloud.example.org=192.0.2.5"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "192.0.2.5"
