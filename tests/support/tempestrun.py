"""tempest told of a region, run in a folder of its own, and its results as JUnit XML.

What is decided (its configuration, what is left out) is said by pure functions; `run` does it.
"""

from __future__ import annotations

import configparser
import io
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml
from tempestenv import Tempest

OWN = Path(__file__).with_name("tempest")
EXCLUDED = OWN / "excluded.yml"
CONCURRENCY = 2  # each test has a project of its own; a region's API has two processes
RUN_SECONDS = 5400.0
BUILD_SECONDS = 420  # until a guest runs without hardware help on a busy machine


@dataclass(frozen=True, slots=True)
class Facts:
    """What tempest has to know of a region.

    `services` are the types of its catalogue, `flavors` two ids, `hosts` where names lead to.
    """

    auth_url: str
    authority: Path
    password: str = field(repr=False)
    region: str
    services: Collection[str]
    image: str
    flavors: tuple[str, str]
    external: str
    hypervisors: int
    hosts: Mapping[str, str] = field(default_factory=dict)


def configuration(facts: Facts, home: Path) -> str:
    """tempest.conf for the region, with its locks below `home`."""
    small, large = facts.flavors
    there = {
        "cinder": "volumev3",
        "glance": "image",
        "neutron": "network",
        "nova": "compute",
        "swift": "object-store",
        "horizon": "dashboard",
    }
    sections: dict[str, dict[str, object]] = {
        "auth": {
            "admin_username": "admin",
            "admin_password": facts.password,
            "admin_project_name": "admin",
            "admin_domain_name": "Default",
            "use_dynamic_credentials": True,
        },
        "identity": {
            "uri_v3": facts.auth_url,
            "auth_version": "v3",
            "v3_endpoint_type": "public",
            "region": facts.region,
            "ca_certificates_file": facts.authority,
        },
        "identity-feature-enabled": {"api_v2": False, "api_v2_admin": False, "api_v3": True},
        "compute": {
            "image_ref": facts.image,
            "image_ref_alt": facts.image,
            "flavor_ref": small,
            "flavor_ref_alt": large,
            "min_compute_nodes": facts.hypervisors,
            "endpoint_type": "public",
            "build_timeout": BUILD_SECONDS,
        },
        "network": {"public_network_id": facts.external, "endpoint_type": "public"},
        "image": {"endpoint_type": "public"},
        "volume": {"endpoint_type": "public"},
        "validation": {"run_validation": False},
        "service_available": {name: kind in facts.services for name, kind in there.items()},
        "oslo_concurrency": {"lock_path": home / "locks"},
    }
    parser = configparser.RawConfigParser()
    parser.read_dict(
        {name: dict(map(_written, values.items())) for name, values in sections.items()}
    )
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _written(pair: tuple[str, object]) -> tuple[str, str]:
    """A key and its value as oslo.config reads it: yes and no in lower case, '$' for itself."""
    key, value = pair
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return key, text.replace("$", "$$")


def exclusions(text: str) -> dict[str, str]:
    """What is left out, pattern to reason. Raises ValueError for no pattern, or no reason."""
    found = yaml.safe_load(text) or {}
    for pattern, reason in found.items():
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern}: {error}") from None
        if not isinstance(reason, str) or len(reason.split()) < 3:
            raise ValueError(f"{pattern}: there is no reason why it is left out")
    return found


def run(tempest: Tempest, facts: Facts, home: Path, results: Path) -> bool:
    """Run the smoke selection in the empty folder `home`; whether every test passed.

    `results` gets what each said, as JUnit XML. Raises RuntimeError where tempest does not begin,
    and TimeoutExpired.
    """
    hosts = " ".join(f"{name}={address}" for name, address in facts.hosts.items())
    env = tempest.env(OWN, HOME=str(home), TEMPEST_HOSTS=hosts, LC_ALL="C.UTF-8")
    work = home / "work"
    began = datetime.now(UTC)
    _demand(subprocess.run(
        [*tempest.script("tempest"), "init", str(work)],
        env=env, capture_output=True, timeout=120, check=False,
    ))  # fmt: skip
    env["TEMPEST_CONFIG_DIR"] = str(work / "etc")
    conf = work / "etc" / "tempest.conf"
    conf.touch(mode=0o600)
    conf.write_text(configuration(facts, home))
    left_out = home / "excluded"
    left_out.write_text("".join(f"{one}\n" for one in exclusions(EXCLUDED.read_text())))
    words = ["run", "--smoke", "--subunit", f"--concurrency={CONCURRENCY}"]
    stream = home / "stream"
    with stream.open("wb") as said, (home / "errors").open("wb") as errors:
        done = subprocess.run(
            [*tempest.script("tempest"), *words, "--exclude-list", str(left_out)],
            cwd=work, env=env, stdout=said, stderr=errors, timeout=RUN_SECONDS, check=False,
        )  # fmt: skip
    if not stream.stat().st_size:
        raise RuntimeError(f"tempest did not begin:\n{(home / 'errors').read_text()[-2000:]}")
    aside = home / "results.xml"
    with stream.open("rb") as said:
        subprocess.run(
            [*tempest.script("subunit2junitxml"), "--output-to", str(aside)],
            env=env, stdin=said, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
    text = aside.read_text()
    results.write_text(stamped(text, began))
    # With --subunit it ends with 0 whatever its tests said.
    return done.returncode == 0 and all_passed(text)


def all_passed(text: str) -> bool:
    """Whether JUnit XML tells of no failure and no error."""
    root = ElementTree.fromstring(text)
    return not [one for one in root.iter() if one.tag in ("failure", "error")]


def stamped(text: str, began: datetime) -> str:
    """JUnit XML that says when its first test began: side by side they take less than their sum."""
    root = ElementTree.fromstring(text)
    suites = [root] if root.tag == "testsuite" else root.findall("testsuite")
    for suite in suites:
        suite.set("timestamp", began.isoformat())
    return ElementTree.tostring(root, encoding="unicode")


def _demand(done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode != 0:
        raise RuntimeError(
            f"tempest did not begin:\n{done.stderr.decode(errors='replace')[-2000:]}"
        )
