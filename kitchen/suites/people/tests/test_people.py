"""People of a directory log in as of their domain, with what their groups may do; nobody else."""

import json
from pathlib import Path

import pytest
import yaml

URL = "https://10.90.0.11:5000/v3"
TOOL = "/usr/bin/python3 -B /usr/local/lib/cloud/things.py"
HERE = Path(__file__).parent
LOGIN = (HERE / "login.py").read_text(encoding="utf-8")
ENTRIES = (HERE / "directory.ldif").read_text(encoding="utf-8")
PILLAR = Path(__file__).resolve().parents[4] / "salt/pillar/cloud.sls"
PATTERN = yaml.safe_load(PILLAR.read_text(encoding="utf-8"))["cloud"]["directories"]["*"]
PASSWORD, ALICE = "given-by-the-directory", "alice's own"  # as in directory.ldif
ADMIN = "of the directory"
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends"
STAFF = {"research": {"group": "staff", "project": "research"}}


@pytest.fixture(scope="module")
def directory(host):
    """slapd with people in it, beside keystone. Gone at the end."""
    answers = {"password1": ADMIN, "password2": ADMIN}
    lines = [f"slapd slapd/{key} password {value}" for key, value in answers.items()]
    lines += ["slapd slapd/domain string example.org", "slapd shared/organization string Example"]
    host.check_output("printf %s | debconf-set-selections", "\n".join(lines) + "\n")
    host.check_output(f"{APT} install slapd ldap-utils")
    host.check_output("systemctl restart slapd")
    bind = "ldapadd -x -H ldap://10.90.0.11 -D cn=admin,dc=example,dc=org -w %s"
    host.check_output(f"printf %s | {bind}", ENTRIES, ADMIN)
    yield
    host.check_output("systemctl stop slapd && rm -rf /run/slapd /run/ldapi")
    host.check_output(f"{APT} purge slapd ldap-utils && {APT} --purge autoremove")
    host.check_output("echo PURGE | debconf-communicate slapd")


@pytest.fixture(scope="module")
def node(host):
    return json.loads(host.check_output("cat /srv/kitchen/pillar/region.json"))


@pytest.fixture(scope="module")
def things(host, node):
    """Run the tool with the suite's directory: exit status, and what it says."""

    def run(how, password=PASSWORD, **more):
        said = node["settings"]["cloud"]["directories"]["corporate"]
        wanted = {"*": PATTERN, "corporate": {**said, **more}}
        words = f"KEYSTONE_PASSWORD=%s CLOUD_THINGS=%s CLOUD_PASSWORDS=%s {TOOL} {how} {URL}"
        done = host.run(
            words,
            node["secrets"]["keystone_admin"],
            json.dumps({"region": "RegionOne", "directories": wanted}),
            json.dumps({"corporate": password} if password else {}),
        )
        return done.rc, (done.stdout + done.stderr).strip()

    return run


@pytest.fixture(scope="module")
def login(host):
    def run(user, password, project="", domain="corporate"):
        words = [URL, domain, user, password, *([project] if project else [])]
        line = "/usr/bin/python3 -B -c %s" + " %s" * len(words)
        return json.loads(host.check_output(line, LOGIN, *words))

    return run


def test_without_the_directory_s_password_its_domain_is_there_and_asks_nobody(things, login):
    """As the suite's settings were brought about."""
    assert things("check", password="") == (0, "")
    assert login("alice", ALICE) == {"status": 401}


def test_person_of_the_directory_logs_in(directory, things, login):
    status, said = things("apply")
    assert status == 0, said
    assert things("check") == (0, "")
    assert login("alice", ALICE) == {"user": "alice", "domain": "corporate", "roles": []}
    assert login("alice", "another") == {"status": 401}
    assert login("alice", ALICE, domain="Default") == {"status": 401}


def test_person_whom_the_filter_leaves_out_does_not(directory, things, login):
    assert things("apply")[0] == 0
    assert login("bob", "bob's own") == {"status": 401}


def test_group_s_role_is_its_people_s_until_it_is_no_longer_said(directory, things, login):
    status, said = things("apply", access=STAFF)
    assert status == 0, said
    assert things("check", access=STAFF) == (0, "")
    token = login("alice", ALICE, project="research")
    assert (token["user"], token["domain"]) == ("alice", "corporate")
    assert "member" in token["roles"]
    assert things("apply")[0] == 0
    assert login("alice", ALICE, project="research") == {"status": 401}


def test_password_that_the_directory_changed_is_seen_and_never_said(directory, things):
    assert things("apply")[0] == 0
    status, said = things("check", password="another")
    assert (status, said) == (1, "directory corporate: password")
    unknown = {"nobody": {"group": "nobody", "project": "research"}}
    status, said = things("check", access=unknown)
    assert (status, "it has no group nobody" in said) == (1, True)


def test_accounts_of_the_region_log_in_as_before(directory, login, node):
    admin = login("admin", node["secrets"]["keystone_admin"], project="admin", domain="Default")
    assert (admin["user"], admin["domain"]) == ("admin", "Default")


def test_directory_s_password_is_in_no_log(directory, host):
    said = host.run("grep -rlF %s /var/log /etc/keystone", PASSWORD)
    assert said.stdout == ""
    journal = "journalctl --boot --output=cat | grep -vF COMMAND | grep -cF %s"
    assert host.run(journal, PASSWORD).stdout.strip() == "0"
