"""The load balancer speaks TLS: with one certificate to services, with another to outsiders."""

import time

import pytest

ADDRESS = "10.90.0.11"
PORT = 5000
# What outsiders use (kitchen/runner/nodes.py); metadata is for none of them.
PUBLIC, NAME = "10.90.2.11", "cloud.kitchen.test"
CONNECT = "curl -sS -o /dev/null -m 20 --connect-to %s https://%s:%s/"
# Behind it: where the service answers, and where its uwsgi says how its processes are.
BACKEND, STATE = 15000, 25000
INSIDE = "127.0.0.1"  # what this node offers does not leave it


def serving(host, port, page, text):
    """A web server of one page at `port` of the node; a line that ends it is returned."""
    folder = f"/run/serving/{port}"
    host.check_output("mkdir -p %s && echo %s >%s", folder, text, f"{folder}/{page}")
    words = f"--unit serving-{port} python3 -m http.server --bind {INSIDE} {port}"
    host.check_output(f"systemd-run --quiet {words} --directory {folder}")
    ask = f"until curl -sf -o /dev/null http://{INSIDE}:{port}/{page}; do sleep 0.2; done"
    host.check_output("timeout 20 sh -c %s", ask)
    tidy = "rmdir --ignore-fail-on-non-empty /run/serving"
    return f"systemctl stop serving-{port}; rm -r {folder}; {tidy}"


@pytest.fixture
def service(host):
    """A service that answers, of which nobody says how its processes are."""
    end = serving(host, BACKEND, "v3", "here")
    yield
    host.check_output(end)


@pytest.fixture
def loaded(host, service):
    """The same, and one of its processes has the service, as uwsgi puts it."""
    end = serving(host, STATE, "index.html", '{"apps": [{"mountpoint": ""}]}')
    yield
    host.check_output(end)


def test_balancer_runs_and_comes_back_at_boot(host):
    balancer = host.service("haproxy")
    assert balancer.is_running
    assert balancer.is_enabled


def test_balancer_listens_for_services_and_outsiders_and_nowhere_else(host):
    listening = {line.split()[3] for line in host.check_output("ss -Hltnp").splitlines()
                 if "haproxy" in line}  # fmt: skip
    assert {f"{ADDRESS}:{PORT}", f"{PUBLIC}:{PORT}"} <= listening
    of_outsiders = {where for where in listening if where.startswith(f"{PUBLIC}:")}
    assert of_outsiders == {f"{PUBLIC}:{PORT}"}
    assert all(where.startswith(f"{ADDRESS}:") for where in listening - of_outsiders)


def test_backends_that_are_down_are_said_to_be_unavailable(host):
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s:%s/v3",
        "%{http_code}",
        ADDRESS,
        str(PORT),
    )
    assert status == "503"


def test_service_is_reached_though_its_check_fails(host, service):
    assert host.check_output("curl -sf -m 20 https://%s:%s/v3", ADDRESS, str(PORT)) == "here"


def test_check_asks_how_the_processes_are(host, loaded):
    ask = (
        f"until curl -sf -o /dev/null https://{ADDRESS}:{PORT}/v3;"
        " journalctl -t haproxy -o cat -n 3 | grep -F ' identity/region '; do sleep 1; done"
    )
    host.check_output("timeout 60 sh -c %s", ask)


def test_request_that_found_no_backend_is_in_the_journal_without_its_query(host):
    path = f"/v3/asked-at-{time.time()}"
    # Once no check succeeds it is asked all the same.
    ask = (
        f"until curl -s -m 20 -o /dev/null 'https://{ADDRESS}:{PORT}{path}?token=hidden';"
        f" journalctl -t haproxy -o cat | grep -F {path} | grep -F identity/region-unchecked;"
        " do sleep 1; done"
    )
    line = host.check_output("timeout 60 sh -c %s", ask)
    assert " 503 " in line
    assert " SC-- " in line
    assert "hidden" not in line


@pytest.mark.parametrize(("called", "status"), [(NAME, 0), (PUBLIC, 0), (ADDRESS, 60)])
def test_outsiders_see_a_certificate_for_what_they_call_it(host, called, status):
    result = host.run(CONNECT, f"{called}:{PORT}:{PUBLIC}:{PORT}", called, str(PORT))
    assert result.rc == status, result.stderr


def test_services_do_not_see_the_certificate_of_outsiders(host):
    assert host.run(CONNECT, f"{NAME}:{PORT}:{ADDRESS}:{PORT}", NAME, str(PORT)).rc == 60


def test_certificate_is_refused_by_who_does_not_trust_the_region(host):
    host.check_output("openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=other"
                      " -keyout /dev/null -out /run/other.crt")  # fmt: skip
    result = host.run(
        "curl -s -m 20 --cacert /run/other.crt --capath /run/none https://%s:%s/",
        ADDRESS,
        str(PORT),
    )
    host.check_output("rm /run/other.crt")
    assert result.rc == 60


def test_old_protocols_are_refused(host):
    result = host.run("curl -s -m 20 -k --tls-max 1.1 https://%s:%s/", ADDRESS, str(PORT))
    assert result.rc == 35


@pytest.mark.parametrize("name", ["region", "public"])
def test_private_key_is_for_root_alone(host, name):
    assert host.file(f"/etc/haproxy/{name}.pem").mode == 0o600
