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
  outer_tls: {kind: certificate, roles: [load-balancer], public: true}
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
    environment.apply(DIGEST, "test", NODES, public=public)
    found: dict[str, Any] = read_json(secrets.ROOT / "pillar" / "front.json", {})
    return dict(found["secrets"])


def names_in(certificate: str) -> set[str]:
    held = x509.load_pem_x509_certificate(certificate.encode())
    found = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return {*found.get_values_for_type(x509.DNSName), *addresses}


def test_outsiders_get_a_certificate_of_the_region_for_what_they_use_alone() -> None:
    found = applied(OURS)
    assert names_in(found["outer_tls"]["certificate"]) == {NAME, ADDRESS}
    assert names_in(found["inner"]["certificate"]) == {"front", "10.0.0.2"}
    assert applied(OURS) == found


def test_region_whose_outsiders_use_what_services_use_has_no_certificate_for_them() -> None:
    applied(OURS)
    assert set(applied(None)) == {"inner"}
    assert "outer_tls" not in read_json(secrets.ROOT / secrets.STORE, {})


def test_listed_is_whose_each_certificate_is(deployed: None) -> None:
    applied(OURS)
    rotation.give("outer_tls", *Authority().pair(NAME))
    assert {one["name"]: one["given"] for one in rotation.listed()} == {
        "inner": False,
        "outer_tls": True,
    }


def test_certificate_that_was_given_is_what_outsiders_see() -> None:
    chain, key = Authority().pair("other.example.org", NAME)
    said = rotation.give("outer_tls", chain, key)
    assert said["names"] == ["other.example.org", NAME]
    assert said["ends"] == (NOW + 9 * DAY).replace(microsecond=0).isoformat()
    found = applied(THEIRS)["outer_tls"]
    assert (found["certificate"], found["key"]) == (chain, key)
    # When the file says so, the region's own takes its place again.
    assert applied(OURS)["outer_tls"]["certificate"] != chain


@pytest.mark.parametrize("names", [("*.example.org",), (NAME,)])
def test_certificate_speaks_for_a_name_by_a_whole_label_of_any(names: tuple[str, ...]) -> None:
    rotation.give("outer_tls", *Authority().pair(*names))
    assert "given" in applied(THEIRS)["outer_tls"]


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
        rotation.give("outer_tls", *Authority().pair(*names))
    with pytest.raises(AgentError, match=message) as caught:
        applied(THEIRS)
    assert "deploy-kit secrets give ENVIRONMENT outer_tls" in caught.value.remedy
    assert not (secrets.ROOT / "pillar").exists()


def test_certificate_that_ended_meanwhile_keeps_nobody_from_deploying() -> None:
    rotation.give("outer_tls", *Authority().pair(NAME))
    ended, _ = Authority().pair(NAME, begin=NOW - 3 * DAY, end=NOW - DAY)
    with secrets.changing() as values:
        values["outer_tls"]["certificate"] = ended
    assert applied(THEIRS)["outer_tls"]["certificate"] == ended


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
        rotation.give("outer_tls", chain, key)
    assert (secrets.ROOT / secrets.STORE).read_bytes() == before


def test_certificate_of_services_cannot_be_given(deployed: None) -> None:
    with pytest.raises(AgentError, match="no such certificate: inner") as caught:
        rotation.give("inner", *Authority().pair(NAME))
    assert caught.value.remedy == "there is: outer_tls"


@pytest.mark.parametrize(("name", "taken"), [("next_tls", True), ("next", False), ("inner", False)])
def test_release_that_shows_outsiders_nothing_takes_a_certificate_for_the_next_one(
    master: Path, deployed: None, *, name: str, taken: bool
) -> None:
    roles = master.parent / "kits" / DIGEST / "salt" / "roles.yml"
    roles.write_text(ROLES.replace(", public: true", ""))
    pair = Authority().pair(NAME)
    if taken:
        assert rotation.give(name, *pair)["names"] == [NAME]
        return
    with pytest.raises(AgentError, match=f"no such certificate: {name}") as caught:
        rotation.give(name, *pair)
    assert caught.value.remedy == "there is: a name that ends in _tls"


def test_given_certificate_is_never_rotated_and_a_given_one_can_be_taken_back(
    deployed: None,
) -> None:
    first = applied(OURS)["outer_tls"]
    rotation.give("outer_tls", *Authority().pair(NAME))
    with pytest.raises(AgentError, match="outer_tls: of an authority outside"):
        rotation.rotate(["outer_tls"])
    assert rotation.rotate([])["rotated"] == ["inner"]
    assert "outer_tls" in rotation.undo()
    assert applied(OURS)["outer_tls"] == first


def test_given_certificate_that_nobody_sees_is_put_away_with_its_key(deployed: None) -> None:
    applied(None)
    chain, key = Authority().pair(NAME)
    rotation.give("outer_tls", chain, key)
    rotation.give("outer_tls", *Authority().pair(NAME))
    rotation.forget("outer_tls")
    left = [file.read_text() for file in secrets.ROOT.glob("*.json")]
    assert not [text for text in left if "outer_tls" in text and "PRIVATE" in text]
    with pytest.raises(AgentError, match="no certificate was given as 'outer_tls'") as caught:
        rotation.forget("outer_tls")
    assert caught.value.remedy == "there is: none"


def test_certificate_that_outsiders_see_is_not_put_away_but_replaced(deployed: None) -> None:
    rotation.give("outer_tls", *Authority().pair(NAME))
    applied(THEIRS)
    with pytest.raises(AgentError, match="is what outsiders see") as caught:
        rotation.forget("outer_tls")
    assert "deploy-kit secrets give ENVIRONMENT outer_tls" in caught.value.remedy
    chain, key = Authority().pair(NAME)
    rotation.give("outer_tls", chain, key)
    assert applied(THEIRS)["outer_tls"]["certificate"] == chain


def test_certificate_of_the_region_is_nobody_s_to_put_away(deployed: None) -> None:
    applied(OURS)
    with pytest.raises(AgentError, match="no certificate was given as 'outer_tls'"):
        rotation.forget("outer_tls")
    assert "outer_tls" in applied(OURS)
