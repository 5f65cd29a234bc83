"""What outsiders use of a region: `endpoints` of an environment."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.site.description import environment_digest
from deploykit.site.endpoints import Endpoints
from deploykit.site.environment import Environment, parse_environment

ONE = """\
name: cloud
networks:
  management: {cidr: 10.20.0.0/24}
  outside: {cidr: 10.20.1.0/24}
endpoints: {network: outside}
nodes:
  salt: {roles: [master], at: 10}
  front: {roles: [load-balancer], at: 11}
"""
# The digest of ONE without endpoints, by the code that knew of none.
BEFORE = "sha256:f4b5224382bc25821ad7a57ea9c108a334df72bcb05f45e3debb1b419103e375"
SHARED = """\
name: cloud
networks:
  management: {cidr: 10.20.0.0/24, vip: 10.20.0.5}
  outside: {cidr: 10.20.1.0/24, vip: 10.20.1.5}
endpoints: {network: outside, name: cloud.example.org, certificate: outside}
nodes:
  salt: {roles: [master], at: 10}
  front: {roles: [load-balancer, virtual-address], count: 2, at: 11}
"""


def parsed(folder: Path, text: str) -> Environment:
    file = folder / "cloud.yml"
    file.write_text(text)
    return parse_environment(file)


def test_one_balancer_is_called_by_its_own_address(tmp_path: Path) -> None:
    found = parsed(tmp_path, ONE).endpoints
    assert found == Endpoints("outside", IPv4Address("10.20.1.11"))
    assert found is not None and found.host == "10.20.1.11"


def test_several_balancers_are_called_by_the_name_of_the_address_that_they_share(
    tmp_path: Path,
) -> None:
    environment = parsed(tmp_path, SHARED)
    assert environment.virtual == {"management": "10.20.0.5", "outside": "10.20.1.5"}
    assert environment.endpoints is not None
    assert environment.endpoints.told() == {
        "network": "outside",
        "address": "10.20.1.5",
        "name": "cloud.example.org",
        "host": "cloud.example.org",
        "outside": True,
    }


def test_environment_without_endpoints_has_the_digest_that_it_always_had(tmp_path: Path) -> None:
    text = ONE.replace("endpoints: {network: outside}\n", "")
    assert environment_digest(parsed(tmp_path, text)) == BEFORE
    assert environment_digest(parsed(tmp_path, ONE)) != BEFORE


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "message", "remedy"),
    [
        (ONE, "network: outside", "network: outsid", 5, "no network 'outsid'", "mean 'outside'"),
        (ONE, "network: outside", "network: management", 5, "is the inside", "leave 'endpoints'"),
        (ONE, "network: outside", "name: a.example", 5, "'network' is missing", ""),
        (ONE, "outside}", "outside, adress: x}", 5, "unknown key 'adress'", ""),
        (ONE, "[load-balancer]", "[cache]", 5, "no node is a load balancer", "'load-balancer'"),
        (ONE, "outside}", "outside, name: cloud}", 5, "'cloud' is no name", "cloud.example.org"),
        (ONE, "outside}", "outside, name: 10.20.1.9}", 5, "is no name in DNS", ""),
        (ONE, "outside}", "outside, name: Cloud.example.org}", 5, "is no name in DNS", "small"),
        (ONE, "outside}", "outside, name: '*.example.org'}", 5, "is no name in DNS", ""),
        (ONE, "outside}", "outside, certificate: mine}", 5, "neither 'region' nor", ""),
        (ONE, "outside}", "outside, certificate: outside}", 5, "'name' is missing", "names"),
        (SHARED, ", vip: 10.20.1.5", "", 5, "front1 and front2 share no address", "vip: ADDRESS"),
        (SHARED, "10.20.1.5", "10.20.1.12", 4, "is already front2's", ""),
        (SHARED, ", vip: 10.20.0.5", "", 3, "'management' has no 'vip'", "vip: ADDRESS"),
    ],
)
def test_endpoints_that_do_not_fit_are_told_with_their_line(
    tmp_path: Path, text: str, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    assert old in text
    with pytest.raises(InputError) as caught:
        parsed(tmp_path, text.replace(old, new, 1))
    assert caught.value.message.startswith(f"{tmp_path}/cloud.yml:{line}: ")
    assert message in caught.value.message
    assert remedy in caught.value.remedy
