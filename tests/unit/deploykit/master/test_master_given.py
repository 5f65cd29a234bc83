"""Certificates for outsiders: made by the region, or given to its master."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from deploykit.master.remote import environment, kits, rotation, secrets
from deploykit.master.remote.files import read_json
from deploykit.master.remote.protocol import AgentError
from masterfolder import make_master
from outsideauthority import DAY, NOW, Authority, pem

DIGEST = "a" * 64
ROLES = """
roles:
  master: {components: []}
  load-balancer: {components: [haproxy]}
secrets:
  inner: {kind: certificate, roles: [load-balancer], virtual: true}
  outer: {kind: certificate, roles: [load-balancer], public: true}
"""
NODES = {
    "salt": {"roles": ["master"], "addresses": {"management": "10.0.0.1"}, "links": {}},
    "front": {"roles": ["load-balancer"], "addresses": {"management": "10.0.0.2"}, "links": {}},
}
NAME, ADDRESS = "cloud.example.org", "10.0.2.2"
OURS = {"network": "x", "address": ADDRESS, "name": NAME, "host": NAME, "outside": False}
THEIRS = {**OURS, "outside": True}


@pytest.fixture(autouse=True)
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A master with a kit, on which nothing was deployed yet."""
    return make_master(tmp_path, monkeypatch, DIGEST, ROLES)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kits, "current", lambda: DIGEST)


def applied(public: dict[str, Any] | None) -> dict[str, Any]:
    """The secrets of the load balancer."""
    environment.apply(DIGEST, "test", NODES, {}, {}, public)
    found: dict[str, Any] = read_json(secrets.ROOT / "pillar" / "front.json", {})
    return dict(found["secrets"])


def names_in(certificate: str) -> set[str]:
    held = x509.load_pem_x509_certificate(certificate.encode())
    found = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return {*found.get_values_for_type(x509.DNSName), *addresses}


def test_outsiders_get_a_certificate_of_the_region_for_what_they_use_alone() -> None:
    found = applied(OURS)
    assert names_in(found["outer"]["certificate"]) == {NAME, ADDRESS}
    assert names_in(found["inner"]["certificate"]) == {"front", "10.0.0.2"}
    assert applied(OURS) == found


def test_region_whose_outsiders_use_what_services_use_has_no_certificate_for_them() -> None:
    applied(OURS)
    assert set(applied(None)) == {"inner"}
    assert "outer" not in read_json(secrets.ROOT / secrets.STORE, {})


def test_listed_is_whose_each_certificate_is(deployed: None) -> None:
    applied(OURS)
    rotation.give("outer", *Authority().pair(NAME))
    assert {one["name"]: one["given"] for one in rotation.listed()} == {
        "inner": False,
        "outer": True,
    }


def test_certificate_that_was_given_is_what_outsiders_see() -> None:
    chain, key = Authority().pair("other.example.org", NAME)
    said = rotation.give("outer", chain, key)
    assert said["names"] == ["other.example.org", NAME]
    assert said["ends"] == (NOW + 9 * DAY).replace(microsecond=0).isoformat()
    found = applied(THEIRS)["outer"]
    assert (found["certificate"], found["key"]) == (chain, key)
    # When the file says so, the region's own takes its place again.
    assert applied(OURS)["outer"]["certificate"] != chain


@pytest.mark.parametrize("names", [("*.example.org",), (NAME,)])
def test_certificate_speaks_for_a_name_by_a_whole_label_of_any(names: tuple[str, ...]) -> None:
    rotation.give("outer", *Authority().pair(*names))
    assert "given" in applied(THEIRS)["outer"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "is none"),
        (("example.org",), "and not for cloud.example.org"),
        (("*.org",), "and not for cloud.example.org"),
        (("*.cloud.example.org",), "and not for cloud.example.org"),
    ],
)
def test_environment_whose_certificate_is_missing_or_anothers_is_not_written(
    names: tuple[str, ...], message: str
) -> None:
    if names:
        rotation.give("outer", *Authority().pair(*names))
    with pytest.raises(AgentError, match=message) as caught:
        applied(THEIRS)
    assert "deploy-kit secrets give ENVIRONMENT outer" in caught.value.remedy
    assert not (secrets.ROOT / "pillar").exists()


def test_certificate_that_ended_meanwhile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    chain, key = Authority().pair(NAME)
    rotation.give("outer", chain, key)
    with secrets.changing() as values:
        ended, _ = Authority().pair(NAME, begin=NOW - 3 * DAY, end=NOW - DAY)
        values["outer"]["certificate"] = ended
    with pytest.raises(AgentError, match=f"ended {NOW - DAY:%Y-%m-%d}"):
        applied(THEIRS)


def pairs() -> dict[str, tuple[str, str, str]]:
    """What is no certificate to be given: certificate, key, what is said."""
    one, other = Authority(), Authority("another")
    chain, key = one.pair(NAME)
    server, own = chain.removesuffix(one.own), one.own
    shut = pem(serialization.load_pem_private_key(key.encode(), None), secret=b"x")
    return {
        "other key": (chain, one.pair(NAME)[1], "the key is not that of"),
        "shut key": (chain, shut, "with a passphrase"),
        "no key": (chain, "hello", "no private key in PEM"),
        "no certificate": ("hello", key, "no certificate in PEM"),
        "wrong order": (own + server, pem(one.key), "was not issued by"),
        "other issuer": (server + other.own, key, "was not issued by"),
        "same name": (server + Authority().own, key, "is not signed by"),
        "over": (*one.pair(NAME, end=NOW - DAY / 2), "is valid from"),
        "not yet": (*one.pair(NAME, begin=NOW + DAY), "is valid from"),
        "nameless": (*one.pair(), "names no server"),
    }


@pytest.mark.parametrize("case", sorted(pairs()))
def test_what_would_not_serve_is_refused_and_the_store_stays_as_it_was(case: str) -> None:
    chain, key, message = pairs()[case]
    applied(OURS)
    before = (secrets.ROOT / secrets.STORE).read_bytes()
    with pytest.raises(AgentError, match=message):
        rotation.give("outer", chain, key)
    assert (secrets.ROOT / secrets.STORE).read_bytes() == before


def test_certificate_of_services_cannot_be_given(deployed: None) -> None:
    with pytest.raises(AgentError, match="no such certificate: inner") as caught:
        rotation.give("inner", *Authority().pair(NAME))
    assert caught.value.remedy == "there is: outer"


def test_given_certificate_is_never_rotated_and_a_given_one_can_be_taken_back(
    deployed: None,
) -> None:
    first = applied(OURS)["outer"]
    rotation.give("outer", *Authority().pair(NAME))
    with pytest.raises(AgentError, match="outer: of an authority outside"):
        rotation.rotate(["outer"])
    assert rotation.rotate([])["rotated"] == ["inner"]
    assert "outer" in rotation.undo()
    assert applied(OURS)["outer"] == first
