"""A token of the provider's becomes one of keystone's, with what the groups it names may do."""

import json
from pathlib import Path

import pytest

ADDRESS = "10.90.0.11"
PROVIDER = f"http://{ADDRESS}:8999"
URL = f"https://{ADDRESS}:5001/v3"
PUBLIC, NAME = "10.90.2.11", "cloud.kitchen.test"  # where people with a browser come in
AUTH = "OS-FEDERATION/identity_providers/partners/protocols/openid/auth"
HERE = Path(__file__).parent
LOGIN = (HERE / "login.py").read_text(encoding="utf-8")
SERVER = (HERE / "provider.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def provider(host):
    host.check_output(
        "systemd-run -q --unit kitchen-provider --collect python3 -c %s %s 8999", SERVER, ADDRESS
    )
    ask = f"curl -sf -o /dev/null {PROVIDER}/keys"
    host.check_output(f"timeout 30 sh -c 'until {ask}; do sleep 0.3; done'")
    yield
    host.check_output("systemctl stop kitchen-provider")


@pytest.fixture(scope="module")
def login(host):
    def run(name, *project):
        words = [PROVIDER, URL, name, *project]
        line = "/usr/bin/python3 -B -c %s" + " %s" * len(words)
        return json.loads(host.check_output(line, LOGIN, *words))

    return run


def status(host, url, *headers):
    """The status of an answer, to somebody who sends these headers."""
    words = " ".join(["-H %s"] * len(headers))
    line = f"curl -s -o /dev/null -m 30 -w %s {words} %s"
    return host.check_output(line, "%{http_code}", *headers, url)


def test_person_whom_the_provider_vouches_for_logs_in(login):
    assert login("alice") == {"user": "alice", "domain": "partners", "roles": []}


def test_person_may_do_what_the_group_may_that_the_provider_names(login):
    token = login("alice", "research")
    assert (token["user"], token["domain"]) == ("alice", "partners")
    assert "member" in token["roles"]
    assert login("bob", "research") == {"status": 401}


@pytest.mark.parametrize("name", ["mallory", "oscar"])
def test_token_that_another_key_signed_or_that_is_for_another_client_is_refused(login, name):
    assert login(name) == {"status": 401}


def test_who_brings_no_token_is_sent_to_the_provider(host):
    line = "curl -sS -o /dev/null -m 30 -w %s --resolve %s %s/auth/OS-FEDERATION/websso/openid"
    words = ("%{http_code} %{redirect_url}", f"{NAME}:5001:{PUBLIC}", f"https://{NAME}:5001/v3")
    said = host.check_output(line, *words)
    why = host.run("journalctl -t apache2 -o cat -n 5").stdout
    assert said.startswith(f"302 {PROVIDER}/authorize?"), why


def test_claims_in_headers_are_nobody_s(host):
    claims = ["OIDC-iss: " + PROVIDER, "OIDC-preferred_username: alice", "OIDC-groups: staff"]
    assert status(host, f"http://127.0.0.1:15000/v3/{AUTH}", *claims) == "401"
    assert status(host, f"{URL}/{AUTH}", *claims) != "201"


def test_everything_else_is_answered_by_keystone_itself(host):
    said = json.loads(host.check_output("curl -s -m 30 %s", URL))
    assert said["version"]["id"].startswith("v3")


def test_web_server_listens_for_this_node_only(host):
    """Load balancers on other nodes come in by TLS (haproxy.tls)."""
    lines = host.check_output("ss -Hltnp").splitlines()
    assert {line.split()[3] for line in lines if "apache2" in line} == {"127.0.0.1:15001"}


def test_secrets_are_the_web_server_s_alone(host):
    site = host.file("/etc/apache2/sites-enabled/region.conf")
    assert (site.user, site.group, site.mode) == ("root", "root", 0o640)
    folder = host.file("/run/keystone-login")
    assert (folder.user, folder.group, folder.mode & 0o777) == ("keystone", "www-data", 0o710)
