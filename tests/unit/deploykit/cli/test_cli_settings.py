"""`deploy-kit settings` as people call it, on a site with a release whose nodes are away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from deploykit.cli import cli
from ledgerbook import Call
from sitecheckout import Checkout

ROLES = "roles: {master: {components: []}, cache: {components: [memcached], passwords: [magic]}}\n"
NODES = "nodes: {salt: {roles: [master], at: 10}, one: {roles: [cache], at: 11}}\n"


@pytest.fixture
def site(call: Call, checkout_with_site: Checkout) -> Path:
    """The site's folder, with test and staging that differ, and a release."""
    top = checkout_with_site.site.folder.parent
    for path, text in {
        "salt/roles.yml": ROLES,
        "salt/pillar/memcached.sls": "memcached: {memory: 64, packages: [memcached]}\n",
        "salt/pillar/settings.sls": "{{ pillar.settings | json }}\n",
        "ansible/playbooks/day0.yml": "[]\n",
    }.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    checkout_with_site.git("add", ".")
    checkout_with_site.git("commit", "-qm", "tunables")
    for n, name in enumerate(("test", "staging")):
        text = f"name: {name}\nnetworks: {{management: {{cidr: 10.9{n}.0.0/24}}}}\n{NODES}"
        text += "settings:\n  memcached: {memory: 128}\n" if name == "staging" else ""
        (checkout_with_site.site.folder / "environments" / f"{name}.yml").write_text(text)
    assert call("release", "cut", "--no-commit")[0] == 0
    return checkout_with_site.site.folder


def test_values_are_shown_with_their_origins_and_secrets_hidden(call: Call, site: Path) -> None:
    code, out, err = call("settings", "show", "staging", "memcached")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert lines["memcached.memory"] == ["128", "environment,", "staging.yml:5"]
    assert lines["memcached.packages"] == ['["memcached"]', "release"]
    assert lines["secrets.magic"] == ["hidden", "secret"]


def test_values_for_machines_name_release_and_place(call: Call, site: Path) -> None:
    code, out, _ = call("settings", "show", "staging", "--json")
    told = json.loads(out)
    values = {one["key"]: one for one in told["values"]}
    assert code == 0 and told["environment"] == "staging"
    assert told["release"].startswith("sha256:")
    assert values["memcached.memory"] == {
        "key": "memcached.memory",
        "value": 128,
        "from": "environment",
        "place": f"{site / 'environments/staging.yml'}:5",
    }
    assert values["secrets.magic"]["value"] is None


def test_differences_of_two_environments_are_shown(call: Call, site: Path) -> None:
    code, out, _ = call("settings", "diff", "test", "staging", "--json")
    (only,) = json.loads(out)["differences"]
    assert code == 0 and only["key"] == "memcached.memory"
    assert [one["value"] for one in only["values"]] == [64, 128]
    assert "128 (environment, staging.yml:5)" in call("settings", "diff", "test", "staging")[1]
    assert "have the same values" in call("settings", "diff", "test", "test")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "stagin"), "there is no environment 'stagin'"),
        (("show", "staging", "memcache"), "no node of staging has the component 'memcache'"),
        (("show", "staging", "--release", "2026.1.1"), "names no release"),
    ],
)
def test_what_is_not_there_is_told(
    call: Call, site: Path, words: tuple[str, ...], said: str
) -> None:
    code, _, err = call("settings", *words)
    assert code == 2 and said in err


def test_setting_that_the_release_does_not_know_is_refused(call: Call, site: Path) -> None:
    file = site / "environments" / "staging.yml"
    file.write_text(file.read_text().replace("memory: 128", "memoryy: 128"))
    code, _, err = call("settings", "show", "staging")
    assert code == 2 and f"{file}:5: memcached.memoryy: unknown key 'memoryy'" in err
    assert "did you mean" in err.lower() or "'memory'" in err


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("deploy-kit settings show sta", "staging"),
        ("deploy-kit settings show staging mem", "memcached"),
    ],
)
def test_environments_and_components_are_completed(
    site: Path, monkeypatch: pytest.MonkeyPatch, words: str, names: str
) -> None:
    monkeypatch.setenv("DEPLOY_KIT_SITE", str(site))
    env = {
        "_DEPLOY_KIT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = CliRunner().invoke(cli, [], env=env, prog_name="deploy-kit")
    assert f"plain,{names}" in done.output
