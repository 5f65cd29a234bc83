"""Secrets of a real environment: its master is lost and made again, and every secret is rotated.

The tests share one environment and go on where the one before ended, in the order of this file.
"""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from deploykit.providers.lxd.plan import Names
from deploykit.site import open_site
from deploykit.site.instance import Instance
from lxdsite import lxd_or_skip
from outsideauthority import Authority
from railway import Railway, deployed

pytestmark = [pytest.mark.train, pytest.mark.nodes, pytest.mark.timeout(2700)]
VAULT = """name: vault
packages: installed
networks:
  management: {cidr: 10.75.0.0/24}
  outside: {cidr: 10.75.1.0/24}
endpoints: {network: outside, name: cloud.vault.test}
nodes:
  salt: {roles: [master], at: 10}
  region: {roles: [database, messaging, cache, identity, load-balancer], at: 11}
"""
STORE = "/srv/environment/secrets.json"
# Prints a new token for PASSWORD, or the status of the answer (200: TOKEN still counts).
ASK = """
import json, os, ssl, urllib.error, urllib.request
url = "https://10.75.0.11:5000/v3/auth/tokens"
headers, body = {"Content-Type": "application/json"}, None
if "TOKEN" in os.environ:
    headers |= {"X-Auth-Token": os.environ["TOKEN"], "X-Subject-Token": os.environ["TOKEN"]}
else:
    domain = {"name": "Default"}
    user = {"name": "admin", "domain": domain, "password": os.environ["PASSWORD"]}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    body = json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()
trust = ssl.create_default_context(cafile="/srv/environment/ca/ca.crt")
try:
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, context=trust, timeout=30) as answer:
        print(answer.status if body is None else answer.headers["X-Subject-Token"])
except urllib.error.HTTPError as error:
    print(error.code)
"""
LOGIN = """
import subprocess
words = ["mariadb", "-h", "10.75.0.11", "-u", "keystone", "-e", "SELECT 1"]
print(subprocess.run(words, capture_output=True, text=True, timeout=30).stderr)
"""


# Prints the files and processes in which one of NEEDLES stands, lines of its JSON list, one each.
SEARCH = """
import json, os, stat
needles = [text.encode() for text in json.loads(os.environ.pop("NEEDLES"))]
most = max(map(len, needles))

def held(file):
    before = b""
    try:
        if not stat.S_ISREG(os.lstat(file).st_mode):
            return False
        with open(file, "rb") as source:
            while piece := source.read(1 << 22):
                if any(needle in before + piece for needle in needles):
                    return True
                before = piece[-most:]
    except OSError:
        pass
    return False

for root in ("/etc", "/home", "/root", "/run", "/srv", "/tmp", "/var"):
    for folder, _, names in os.walk(root):
        for name in names:
            if not name.endswith(".deb") and held(os.path.join(folder, name)):
                print(os.path.join(folder, name))
for pid in filter(str.isdecimal, os.listdir("/proc")):
    for name in ("cmdline", "environ"):
        if int(pid) != os.getpid() and held(f"/proc/{pid}/{name}"):
            print(f"/proc/{pid}/{name}", open(f"/proc/{pid}/comm").read().strip())
"""
# Where a node may have secrets: each is a service's own, and others cannot read it.
PLACES = {
    "salt": ("/srv/environment/",),
    "region": ("/etc/", "/var/lib/rabbitmq/.erlang.cookie"),
}
NEVER_ROTATED = {"heat_encryption"}  # `keys` of salt/roles.yml: what data lies encrypted with


@pytest.fixture(scope="module")
def vault(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Railway]:
    """An environment that a release was deployed to; taken down afterwards."""
    lxd_or_skip()
    folder = tmp_path_factory.mktemp("vault") / "checkout"
    with deployed(checkout, folder, "vault", VAULT) as found:
        yield found


@pytest.fixture(scope="module")
def exported(vault: Railway) -> Path:
    """The environment's export, made right after the first deployment."""
    return Path(vault.json("secrets", "export", "vault")["file"])


def secrets_of(vault: Railway) -> dict[str, object]:
    found: dict[str, object] = json.loads(vault.on_node("vault", "salt", f"cat {STORE}"))
    return found


def python(vault: Railway, node: str, script: str, **env: str) -> str:
    """What a script on standard input prints there: no secret stands in any argv or log."""
    lines = "".join(f"import os; os.environ[{k!r}] = {v!r}\n" for k, v in env.items())
    done = subprocess.run(
        [*vault.command, "env", "ssh", "vault", node, "python3", "-"],
        env=vault.env,
        input=lines + script,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()


def smoke(vault: Railway) -> str:
    result: str = vault.evidence("smoke", "vault")[-1]["result"]
    return result


def test_export_is_encrypted_and_for_its_owner_alone(vault: Railway, exported: Path) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    text = exported.read_text()
    for name, value in secrets_of(vault).items():
        assert name not in text
        assert not isinstance(value, str) or value not in text
    listed = vault.json("secrets", "list", "vault")
    assert {"keystone_admin", "keystone_fernet", "load_balancer_tls"} <= {
        one["name"] for one in listed
    }


def test_master_that_was_lost_gets_its_secrets_back(vault: Railway, exported: Path) -> None:
    before = secrets_of(vault)
    authority = vault.on_node("vault", "salt", "cat /srv/environment/ca/ca.crt")
    salt_key = "sha256sum /etc/salt/pki/master/master.pub"
    key = vault.on_node("vault", "salt", salt_key)
    started = "systemctl show mariadb -P ActiveEnterTimestampMonotonic"
    database = vault.on_node("vault", "region", started)
    lose_master(vault)
    assert vault.on_node("vault", "salt", "ls -A /srv").strip() == ""
    refused = vault("deploy", "latest", "vault", status=1).stderr
    assert "the master has no secrets, and region work" in refused
    assert "secrets restore vault --from" in refused
    done = vault.json("secrets", "restore", "vault", "--from", str(exported))
    assert (done["count"], done["replaced"]) == (len(before), [])
    vault("deploy", "latest", "vault")
    assert secrets_of(vault) == before
    assert vault.on_node("vault", "salt", "cat /srv/environment/ca/ca.crt") == authority
    assert vault.on_node("vault", "salt", salt_key) == key
    assert vault.on_node("vault", "region", started) == database, "nothing had to change there"
    assert smoke(vault) == "passed"
    assert len(vault.evidence("bootstrap", "vault")) == 1, "that of the first deployment"
    assert secrets_told(vault)["export_fits"] is True


def test_token_outlives_the_rotation_of_the_keys(vault: Railway) -> None:
    password = str(secrets_of(vault)["keystone_admin"])
    token = python(vault, "salt", ASK, PASSWORD=password)
    vault("secrets", "rotate", "vault", "keystone_fernet")
    vault("secrets", "rotate", "vault", "keystone_fernet", status=1)
    vault("deploy", "latest", "vault")
    keys = vault.on_node("vault", "region", "ls /etc/keystone/fernet-keys").split()
    assert keys == ["0", "1", "2"]
    assert python(vault, "salt", ASK, TOKEN=token) == "200"
    newer = python(vault, "salt", ASK, PASSWORD=password)
    assert python(vault, "salt", ASK, TOKEN=newer) == "200"


def test_rotated_secrets_reach_every_service_and_the_old_ones_are_refused(vault: Railway) -> None:
    before = secrets_of(vault)
    vault("secrets", "rotate", "vault", "--all", "--yes")
    assert secrets_told(vault)["export_fits"] is False
    waiting = {one["name"] for one in vault.json("secrets", "list", "vault") if one["waiting"]}
    assert waiting == set(before) - NEVER_ROTATED
    vault("deploy", "latest", "vault")
    after = secrets_of(vault)
    assert {name for name in before if before[name] == after[name]} == NEVER_ROTATED
    assert smoke(vault) == "passed"
    assert {one["waiting"] for one in vault.json("secrets", "list", "vault")} == {False}
    assert python(vault, "salt", ASK, PASSWORD=str(before["keystone_admin"])) == "401"
    for values, refused in ((before, True), (after, False)):
        said = python(vault, "region", LOGIN, MYSQL_PWD=str(values["keystone_database"]))
        assert ("Access denied" in said) is refused


def test_other_secrets_of_a_master_are_replaced_only_when_told(
    vault: Railway, exported: Path
) -> None:
    before = secrets_of(vault)
    said = vault("secrets", "restore", "vault", "--from", str(exported), status=1).stderr
    assert "keystone_admin" in said
    assert secrets_of(vault) == before
    done = vault.json("secrets", "restore", "vault", "--from", str(exported), "--yes")
    assert set(done["replaced"]) == set(before) - NEVER_ROTATED
    vault("deploy", "latest", "vault")
    assert smoke(vault) == "passed"


def test_master_with_another_salt_key_is_the_one_of_before_once_it_is_restored(
    vault: Railway, exported: Path
) -> None:
    before = parts(vault)
    lose_master(vault)
    vault("deploy", "latest", "vault", "--new-secrets")
    between = parts(vault)
    assert [name for name in before if before[name] == between[name]] == []
    assert len(vault.evidence("bootstrap", "vault")) == 1, "region was not bare"
    assert secrets_told(vault)["export_fits"] is False
    done = vault.json("secrets", "restore", "vault", "--from", str(exported), "--yes")
    assert {"Salt master key", "certificate authority", "keystone_admin"} <= set(done["replaced"])
    assert secrets_told(vault)["export_fits"] is True
    # Each part as its user has it: Salt's from the running master, before anything is deployed.
    said = {name: text for name, text in parts(vault).items() if name != "minion's trust"}
    assert said == {name: before[name] for name in said}
    vault("deploy", "latest", "vault")
    assert parts(vault) == before
    answers = vault.on_node("vault", "salt", "/opt/salt/bin/salt --static -t 30 region test.ping")
    assert "True" in answers
    assert smoke(vault) == "passed"


def test_secrets_lie_on_nodes_in_their_places_only(vault: Railway) -> None:
    needles = json.dumps(sorted(needles_of(secrets_of(vault))))
    for node, places in PLACES.items():
        found = python(vault, node, SEARCH, NEEDLES=needles).splitlines()
        assert found, "the search itself finds something"
        assert [file for file in found if not file.startswith(places)] == []
        for file in found:
            status = vault.on_node("vault", node, f"stat -c %a {file}").strip()
            assert int(status, 8) & 0o007 == 0, f"{file} is {status}"


def test_no_secret_stands_in_the_state_folder(vault: Railway) -> None:
    values = [value for value in secrets_of(vault).values() if isinstance(value, str)]
    found = [
        str(file)
        for file in vault.state.rglob("*")
        if file.is_file() and any(value.encode() in file.read_bytes() for value in values)
    ]
    assert found == []


def site_id(vault: Railway) -> str:
    return open_site(vault.folder / "deploy-kit").id


def lose_master(vault: Railway) -> None:
    """Make the master anew, bare; the other nodes run on."""
    project = Names(site_id(vault), Instance("vault")).project
    subprocess.run(["lxc", "--project", project, "delete", "-f", "salt"], check=True, timeout=120)
    vault("env", "up", "vault")


def parts(vault: Railway) -> dict[str, str]:
    """What makes the master this environment's own, each as whoever uses it has it."""
    pki = "/etc/salt/pki"
    key = "/opt/salt/bin/salt-key --out=json -F master"
    shown = json.loads(vault.on_node("vault", "salt", key))["local"]
    # Every name that Salt knows the pair by holds the same one.
    names = f"cd {pki}/master && cat *.pub | sha256sum && sha256sum *.pem | cut -c-64 | sort -u"
    return {
        "secrets": vault.on_node("vault", "salt", f"cat {STORE}"),
        "authority": vault.on_node("vault", "salt", "cat /srv/environment/ca/ca.crt"),
        "Salt's key": json.dumps(shown, sort_keys=True),
        "Salt's key on disk": vault.on_node("vault", "salt", names),
        "minion's trust": vault.on_node(
            "vault", "region", f"sha256sum {pki}/minion/minion_master.pub"
        ),
    }


def secrets_told(vault: Railway) -> dict[str, object]:
    """What status says of the environment's exports."""
    (line,) = [entry for entry in vault.json("status") if entry["environment"] == "vault"]
    found: dict[str, object] = line["secrets"]
    return found


def needles_of(values: dict[str, object]) -> set[str]:
    """A text for each secret that stands nowhere where the secret does not."""
    found: set[str] = set()
    for value in values.values():
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, list):
            found.update(map(str, value))
        elif isinstance(value, dict):
            found.add(str(value["key"]).splitlines()[1])
    return found


def issuer_shown(vault: Railway, address: str) -> str:
    """Whose certificate the load balancer shows at an address."""
    line = (
        f"openssl s_client -connect {address}:5000 -servername cloud.vault.test </dev/null 2>&1 "
        "| openssl x509 -noout -issuer"
    )
    return vault.on_node("vault", "salt", line).strip()


def test_certificate_of_an_authority_outside_is_what_outsiders_see_once_it_is_given(
    vault: Railway, tmp_path: Path
) -> None:
    authority = Authority("of the outside")
    for node in ("salt", "region"):  # whose systems trust it, as they do those of the world
        file = "/usr/local/share/ca-certificates/outside.crt"
        vault.on_node(
            "vault", node, f"cat >{file} <<'E' && update-ca-certificates\n{authority.own}E"
        )
    shown = issuer_shown(vault, "10.75.1.11")
    vault.change(
        "deploy-kit/environments/vault.yml",
        "name: cloud.vault.test}",
        "name: cloud.vault.test, certificate: outside}",
    )
    said = vault("deploy", "latest", "vault", status=1).stderr
    assert "is of an authority outside, and 'public_tls' is none" in said
    assert "deploy-kit secrets give" in said
    assert issuer_shown(vault, "10.75.1.11") == shown
    certificate, key = authority.write_pair(tmp_path, "cloud.vault.test")
    words = ["--certificate", str(certificate), "--key", str(key)]
    assert "cloud.vault.test" in vault("secrets", "give", "vault", "public_tls", *words).stdout
    vault("deploy", "latest", "vault")
    assert smoke(vault) == "passed"
    assert "of the outside" in issuer_shown(vault, "10.75.1.11")
    assert "region CA" in issuer_shown(vault, "10.75.0.11")
    said = vault("secrets", "forget", "vault", "public_tls", status=1).stderr
    assert "'public_tls' is what outsiders see" in said
