"""`openstack` of an environment's file and of site.yml: in which clouds nodes are made."""

from __future__ import annotations

from pathlib import Path

import pytest
from deploykit.base.errors import InputError
from deploykit.base.yamlfile import load
from deploykit.site.clouds import Clouds, parse_clouds
from deploykit.site.description import environment_digest
from deploykit.site.environment import Environment, parse_environment

BASE = """\
name: cloud
provider: openstack
networks: {management: {cidr: 10.20.0.0/24}}
nodes:
  salt: {roles: [master], at: 10}
  compute: {roles: [hypervisor], count: 2, at: 31}
"""


def parsed(folder: Path, openstack: str) -> Environment:
    (folder / "cloud.yml").write_text(BASE + openstack, encoding="utf-8")
    return parse_environment(folder / "cloud.yml")


def test_environment_goes_over_the_site_key_by_key(tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    site.write_text('clouds: [b]\nflavors: {"*": small}\nzone: z\ndns: [192.0.2.53]\n')
    own = parsed(
        tmp_path, "openstack:\n  clouds: [a, b]\n  flavors: {compute1: large}\n  external: out\n"
    ).clouds
    found = own.over(parse_clouds(load(site), None))
    assert (found.names, found.zone, found.external) == (("a", "b"), "z", "out")
    assert [str(address) for address in found.dns] == ["192.0.2.53"]
    assert [found.flavor(name) for name in ("salt", "compute1")] == ["small", "large"]
    file = tmp_path / "cloud.yml"
    assert found.place("flavors", "compute1") == f"{file}:9"
    assert found.place("flavors", "salt") == f"{site}:2"
    assert found.place("image") == f"{file}:8"
    assert Clouds().flavor("salt") == "" and Clouds().place("zone") == ""


@pytest.mark.parametrize(
    ("openstack", "told"),
    [
        ("{cloud: [a]}", "unknown key 'cloud'; did you mean 'clouds'?"),
        ("{clouds: []}", "at least one cloud is needed"),
        ("{clouds: [a, a]}", "'a' stands there twice"),
        ("{clouds: [a/b]}", "'a/b' is no name of a cloud"),
        ("{clouds: a}", "expected a list"),
        ("{flavors: {web: small}}", "there is no node 'web'"),
        ("{flavors: {salt: 3}}", "expected text, found 3"),
        ('{zone: "a\\tb"}', "is no name in a cloud"),
        ("{dns: [one]}", "not an IPv4 address"),
    ],
)
def test_what_does_not_fit_is_told_with_file_and_line(
    tmp_path: Path, openstack: str, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        parsed(tmp_path, f"openstack: {openstack}\n")
    assert caught.value.message.startswith(f"{tmp_path / 'cloud.yml'}:7: ")
    assert told in f"{caught.value.message}; {caught.value.remedy}"


def test_in_which_cloud_it_is_changes_nothing_of_what_stands(tmp_path: Path) -> None:
    before = environment_digest(parsed(tmp_path, ""))
    assert environment_digest(parsed(tmp_path, "openstack: {clouds: [a]}\n")) == before
