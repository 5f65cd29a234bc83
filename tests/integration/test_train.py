"""The whole line on real nodes: cut, deploy, check, record, promote; and what goes wrong on it.

The tests share two environments and go on where the one before ended, in the order of this file.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import resultsfile
from deploykit.master.facade import Master
from deploykit.master.session import AgentFailed, MasterSession
from deploykit.nodes.inventory import Inventory
from deploykit.providers import provider_for
from deploykit.providers.lxd.plan import Names
from deploykit.site import open_site
from deploykit.site.instance import Instance
from outsideauthority import Authority
from railway import ALPHA, OMEGA, Railway, build

pytestmark = [pytest.mark.train, pytest.mark.nodes, pytest.mark.timeout(2700)]
NAMED_WITHIN = 30.0  # seconds in which a dead node must be named


@pytest.fixture(scope="module")
def railway(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """Two environments that a first train has passed; taken down at the end, whatever happened."""
    folder = tmp_path_factory.mktemp("railway") / "checkout"
    folder.mkdir()
    railway = build(checkout, folder, {"alpha": ALPHA, "omega": OMEGA})
    try:
        railway("setup")
        railway.cut()
        railway("env", "up", "alpha", "omega")
        railway("train")
        yield railway
    finally:
        railway("env", "down", "--all", "--yes")


@pytest.fixture
def alpha(railway: Railway, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """How alpha's nodes are reached."""
    monkeypatch.setenv("XDG_STATE_HOME", str(railway.state))
    site = open_site(railway.folder / "deploy-kit")
    environment = site.environment("alpha")
    return provider_for(site, environment).inventory(environment, "alpha")


def kit_folder(railway: Railway, version: str) -> Path:
    return Path(railway.json("release", "show", version)["kit"]).parent


def test_first_train_ends_with_the_release_in_every_environment(railway: Railway) -> None:
    assert railway.running("alpha") == railway.running("omega") is not None
    results = {
        (entry["check"], entry["result"])
        for name in ("smoke", "idempotence", "bootstrap", "upgrade")
        for entry in railway.evidence(name, "alpha")
    }
    assert results == {
        ("smoke", "passed"),
        ("idempotence", "passed"),
        ("bootstrap", "passed"),
        ("upgrade", "not-applicable"),
    }


def test_evidence_names_the_versions_of_the_packages_per_role(railway: Railway) -> None:
    (smoke,) = railway.evidence("smoke", "alpha")
    assert smoke["packages"]["identity"]["keystone"]
    assert smoke["packages"]["database"]["mariadb-server"]
    assert "systemd" not in smoke["packages"]["identity"], "it came with the node image"


def test_train_without_changes_does_nothing(railway: Railway) -> None:
    before = len(railway.json("history"))
    began = time.monotonic()
    railway.cut()
    railway("env", "up", "alpha", "omega")
    railway("train")
    assert len(railway.json("history")) == before
    assert time.monotonic() - began < 20


def test_kit_is_proved_without_network_by_gitshelf_and_by_plain_tools(
    railway: Railway, tmp_path: Path
) -> None:
    folder = kit_folder(railway, "latest")
    signers = tmp_path / "allowed_signers"
    signers.write_text(railway("ledger", "signers", "--allowed-signers").stdout)
    gitshelf = shutil.which("gitshelf", path=str(Path(railway.command[0]).parent))
    assert gitshelf
    for argv in (
        ["unshare", "--net", gitshelf, "verify", "kit.tar", "--signers", str(signers)],
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
    ):
        subprocess.run(argv, cwd=folder, check=True, timeout=60)
    (principal,) = {line.split()[0] for line in signers.read_text().splitlines()}
    subprocess.run(
        [
            *("ssh-keygen", "-Y", "verify", "-f", signers, "-I", principal),
            *("-n", "gitshelf-kit", "-s", "SHA256SUMS.sig"),
        ],
        cwd=folder,
        input=(folder / "SHA256SUMS").read_bytes(),
        check=True,
        timeout=60,
    )


def test_kit_with_a_changed_byte_is_refused_by_the_host(railway: Railway) -> None:
    kit = kit_folder(railway, "latest") / "kit.tar"
    whole = kit.read_bytes()
    before = len(railway.json("history"))
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 1
    try:
        kit.write_bytes(broken)
        said = railway("deploy", "latest", "alpha", status=1).stderr
        assert "kit.tar" in said
    finally:
        kit.write_bytes(whole)
    assert len(railway.json("history")) == before


@pytest.mark.parametrize("harm", ["byte", "truncated", "stranger"])
def test_kit_harmed_on_its_way_is_refused_by_the_master(
    railway: Railway, alpha: Inventory, tmp_path: Path, harm: str
) -> None:
    folder = tmp_path / "kit"
    shutil.copytree(kit_folder(railway, "latest"), folder)
    kit = (folder / "kit.tar").read_bytes()
    signers = railway("ledger", "signers", "--allowed-signers").stdout
    if harm == "byte":
        kit = kit[:1000] + bytes([kit[1000] ^ 1]) + kit[1001:]
    elif harm == "truncated":
        kit = kit[:-512]
    else:
        key = tmp_path / "stranger"
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)
        (folder / "SHA256SUMS.sig").unlink()
        subprocess.run(
            ["ssh-keygen", "-qY", "sign", "-f", key, "-n", "gitshelf-kit", folder / "SHA256SUMS"],
            check=True,
        )
    (folder / "kit.tar").write_bytes(kit)
    digest = "f" * 64 if harm != "stranger" else "e" * 64
    with MasterSession(alpha, tmp_path / "log") as session:
        master = Master(session)
        for file in sorted(folder.iterdir()):
            master.put_kit_file(digest, file.name, file.read_bytes())
        with pytest.raises(AgentFailed):
            master.install_kit(digest, "kit.tar", signers)
        assert not master.has_kit(digest)
    assert railway.on_node("alpha", "salt", "ls -A /srv/kits/.incoming") == ""


def test_policy_and_signers_edited_in_a_checkout_change_nothing(railway: Railway) -> None:
    file = railway.folder / "deploy-kit/environments/omega.yml"
    whole = file.read_text()
    railway.change("salt/pillar/memcached.sls", "memory: 64", "memory: 66")
    version = railway.cut()
    try:
        file.write_text(whole[: whole.index("  checks:")])
        said = railway("promote", version, "omega", status=1).stderr
    finally:
        file.write_text(whole)
    for reason in ("smoke", "idempotence", "upgrade", "bootstrap", "alpha runs"):
        assert reason in said, f"the refusal does not tell of {reason}:\n{said}"


def test_train_asks_for_evidence_that_it_cannot_gather_and_takes_it(
    railway: Railway, tmp_path: Path
) -> None:
    file = railway.folder / "deploy-kit/environments/omega.yml"
    whole, version = file.read_text(), railway.cut()
    try:
        file.write_text(whole.replace("checks: {", "checks: {tempest: {}, "))
        railway("policy", "apply", "--yes")
        said = railway("train", status=1).stderr
        assert "deploy-kit evidence add tempest alpha FILE" in said
        assert railway.running("alpha") == version != railway.running("omega")
        assert railway.evidence("bootstrap", "omega")[-1]["version"] == version, said
        railway("evidence", "add", "tempest", "alpha", str(resultsfile.write(tmp_path / "r.xml")))
        omega = railway.json("status")[1]
        assert (omega["environment"], omega["next"]["allowed"]) == ("omega", True)
    finally:
        file.write_text(whole)
        railway("policy", "apply", "--yes")
    assert railway.evidence("tempest", "alpha")[-1]["packages"]["identity"]["keystone"]


def test_changed_line_goes_through_with_upgrade_and_bootstrap_as_evidence(
    railway: Railway,
) -> None:
    version = railway.cut()
    railway("train")
    assert railway.running("omega") == version
    assert railway.on_node("omega", "region", "grep ^-m /etc/memcached.conf").split() == [
        "-m",
        "66",
    ]
    assert [e["result"] for e in railway.evidence("upgrade", "alpha")][-1] == "passed"
    bootstrap = railway.evidence("bootstrap", "omega")[-1]
    assert (bootstrap["result"], bootstrap["copy"]) == ("passed", True)
    instances = {entry["instance"] for entry in railway.json("env", "list")}
    assert instances == {"alpha", "omega"}, "the throwaway copy was left behind"


def test_every_command_of_the_guides_works_as_shown(
    railway: Railway, checkout: Path, tmp_path: Path
) -> None:
    names = {"test": "alpha", "staging": "omega", "production": "omega"}
    names["tempest.xml"] = str(resultsfile.write(tmp_path / "tempest.xml"))
    names |= {file.name: str(file) for file in Authority().write_pair(tmp_path, "cloud.test")}
    shown = [
        line.removeprefix("$ deploy-kit ")
        for guide in (checkout / "README.md", checkout / "docs/operate.md")
        for line in guide.read_text().splitlines()
        if line.startswith("$ deploy-kit ")
    ]
    assert len(shown) > 15
    for line in shown:
        words = [names.get(word, word) for word in shlex.split(line)]
        if words[0] not in ("rollback", "compare"):  # the next test's; the small train's
            railway(*words)


def test_rollback_brings_back_what_ran_before(railway: Railway) -> None:
    now = railway.running("omega")
    railway("rollback", "omega")
    assert railway.running("omega") != now
    assert railway.on_node("omega", "region", "grep ^-m /etc/memcached.conf").split()[1] == "64"


def test_state_that_fails_on_the_canary_leaves_the_rest_untouched(railway: Railway) -> None:
    runs = railway.running("alpha")
    look = "sha256sum /etc/keystone/keystone.conf"
    before = [railway.on_node("alpha", name, look) for name in ("who1", "who2")]
    railway.change("salt/states/keystone/files/keystone.conf.jinja", "[token]", "# new\n[token]")
    path = railway.folder / "salt/states/keystone/health.sls"
    path.write_text(
        path.read_text()
        + "\nsabotage:\n  test.fail_without_changes:\n    - name: broken on purpose\n"
    )
    railway.commit("a state that fails")
    version = railway.cut()
    said = railway("train", status=1).stderr
    assert "error: alpha: sabotage on who1" in said, "the failing state comes first"
    after = [railway.on_node("alpha", name, look) for name in ("who1", "who2")]
    assert after[0] != before[0], "the canary got the change"
    assert after[1] == before[1], "the rest must not be touched"
    assert railway.running("alpha") == runs
    assert railway.evidence("upgrade", "alpha")[-1]["result"] == "failed"
    refusal = railway("promote", version, "omega", status=1).stderr
    assert "upgrade" in refusal and "failed" in refusal
    railway("rollback", "alpha")
    assert railway.on_node("alpha", "who1", look) == before[0]
    railway.git("revert", "--no-edit", "HEAD", "HEAD~1")


def test_deploy_that_was_killed_is_finished_by_the_same_command(railway: Railway) -> None:
    railway.change("salt/pillar/memcached.sls", "memory: 66", "memory: 67")
    version = railway.cut()
    for delay in (0.3, 2.0, 6.0):
        child = railway.start("deploy", version, "alpha")
        time.sleep(delay)
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        assert railway.running("alpha") != version
        railway("ledger", "verify")
    railway("deploy", version, "alpha")
    assert railway.running("alpha") == version
    assert "67" in railway.on_node("alpha", "front", "grep ^-m /etc/memcached.conf")


def test_of_two_promoters_one_wins_and_the_other_hears_who(railway: Railway) -> None:
    railway.change("salt/pillar/memcached.sls", "memory: 67", "memory: 68")
    version = railway.cut()
    both = [railway.start("deploy", version, "alpha") for _ in range(2)]
    said = [child.communicate(timeout=300)[0] for child in both]
    assert sorted(child.returncode for child in both) == [0, 1], said
    loser = next(text for child, text in zip(both, said, strict=True) if child.returncode)
    winner = next(child for child in both if child.returncode == 0)
    assert f"process {winner.pid}" in loser
    assert railway.running("alpha") == version


def test_dead_node_is_named_within_thirty_seconds(railway: Railway, alpha: Inventory) -> None:
    project = Names(open_site(railway.folder / "deploy-kit").id, Instance("alpha")).project
    subprocess.run(["lxc", "--project", project, "pause", "who2"], check=True, timeout=30)
    try:
        began = time.monotonic()
        said = railway("deploy", "latest", "alpha", status=1).stderr
        assert time.monotonic() - began < NAMED_WITHIN
        assert "who2" in said and "who1" not in said
    finally:
        subprocess.run(["lxc", "--project", project, "start", "who2"], check=True, timeout=30)


def test_minion_that_does_not_answer_is_named_within_thirty_seconds(railway: Railway) -> None:
    railway.on_node("alpha", "who2", "systemctl stop salt-minion")
    try:
        began = time.monotonic()
        said = railway("deploy", "latest", "alpha", status=1).stderr
        assert time.monotonic() - began < NAMED_WITHIN
        assert "who2" in said and "who1" not in said
    finally:
        railway.on_node("alpha", "who2", "systemctl start salt-minion")


def test_secrets_stand_in_no_log_kit_or_ledger(railway: Railway) -> None:
    script = (
        "import json\n"
        "def texts(v):\n"
        "    if isinstance(v, str): yield v\n"
        "    else:\n"
        "        for x in (v.values() if isinstance(v, dict) else v): yield from texts(x)\n"
        "held = json.load(open('/srv/environment/secrets.json'))\n"
        "print(json.dumps([t for t in texts(held) if 'BEGIN CERTIFICATE' not in t]))"
    )
    values = json.loads(railway.on_node("alpha", "salt", f"python3 -c {shlex.quote(script)}"))
    assert len(values) >= 6, "passwords, token keys and a private key"
    found = [
        str(file)
        for file in railway.state.rglob("*")
        if file.is_file() and any(value.encode() in file.read_bytes() for value in values)
    ]
    assert found == []


def test_environment_made_anew_is_deployed_to_again_as_a_bootstrap(railway: Railway) -> None:
    railway("train")
    runs = railway.running("omega")
    railway("env", "down", "omega", "--yes")
    said = railway("train", status=1).stderr
    assert "deploy-kit env up omega" in said
    railway("env", "up", "omega")
    before = len(railway.evidence("bootstrap", "omega"))
    railway("train")
    assert railway.running("omega") == runs
    again = railway.evidence("bootstrap", "omega")[before:]
    assert [(entry["result"], entry["copy"]) for entry in again] == [("passed", False)]
    assert railway.on_node("omega", "region", "systemctl is-active keystone").strip() == "active"
