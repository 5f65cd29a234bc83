"""What a node offers goes to load balancers on others by TLS, and to nobody else."""

import pytest
import testinfra

testinfra_hosts = ["ansible://front"]
FRONT, BEHIND = "10.90.0.11", "10.90.0.12"
PORT, BACKEND, STATE, TLS = 5000, 15000, 25000, 8443
ASK = f"curl -s -m 20 https://{FRONT}:{PORT}/v3"


@pytest.fixture
def behind(host):
    return testinfra.get_host("ansible://behind", ansible_inventory=host.backend.ansible_inventory)


def serving(node, port, page, text):
    """A web server of one page for the node itself; a line that ends it is returned."""
    folder = f"/run/serving-{port}"
    node.check_output("mkdir -p %s && echo %s >%s", folder, text, f"{folder}/{page}")
    words = f"--unit serving-{port} python3 -m http.server --bind 127.0.0.1 {port}"
    node.check_output(f"systemd-run --quiet --collect {words} --directory {folder}")
    ask = f"until curl -sf -o /dev/null http://127.0.0.1:{port}/{page}; do sleep 0.2; done"
    node.check_output("timeout 20 sh -c %s", ask)
    return f"systemctl stop serving-{port}; rm -r {folder}"


@pytest.fixture
def service(behind):
    """Identity, with a process that has the service, as uwsgi puts it."""
    ends = [serving(behind, BACKEND, "v3", "here")]
    ends.append(serving(behind, STATE, "index.html", '{"apps": [{"mountpoint": ""}]}'))
    yield
    for end in ends:
        behind.check_output(end)


def test_service_is_asked_by_tls_and_so_is_how_its_processes_are(host, service):
    assert host.check_output("timeout 60 sh -c %s", f"until {ASK} | grep -x here; do sleep 1; done")
    line = "journalctl -t haproxy -o cat -n 5 | grep -F ' identity/behind '"
    host.check_output("timeout 60 sh -c %s", f"until {line}; do {ASK} >/dev/null; sleep 1; done")


def test_nothing_of_the_service_is_reached_another_way(host, behind, service):
    for port in (BACKEND, STATE):
        assert host.run("curl -s -m 5 http://%s:%s/", BEHIND, str(port)).rc == 7
    assert host.run("curl -s -m 5 -o /dev/null http://%s:%s/v3", BEHIND, str(TLS)).rc != 0
    unasked = "curl -s -m 5 -o /dev/null -w %s --connect-to behind:8443:10.90.0.12:8443"
    assert host.check_output(unasked + " https://behind:8443/v3", "%{http_code}") == "404"


def test_node_that_shows_another_certificate_is_not_asked(host, behind, service):
    """One of the region's own, of another node, is another, too."""
    own = "/etc/haproxy/services.pem"
    behind.check_output("cp -a %s /run/services.pem", own)
    try:
        behind.check_output(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
            " -subj /CN=behind -addext subjectAltName=DNS:behind -keyout /run/k -out /run/c"
            f" && cat /run/c /run/k >{own} && systemctl reload haproxy && sleep 2"
        )
        host.check_output("systemctl reload haproxy")  # what was open stays open otherwise
        code = host.check_output(ASK.replace("-s", "-s -o /dev/null -w %s", 1), "%{http_code}")
        assert code == "503"
    finally:
        behind.check_output(
            f"mv /run/services.pem {own}; rm /run/k /run/c; systemctl reload haproxy"
        )


def test_key_is_for_root_alone_and_no_node_has_anothers(host, behind):
    assert behind.file("/etc/haproxy/services.pem").mode == 0o600
    assert not host.file("/etc/haproxy/services.pem").exists
    assert not behind.file("/etc/haproxy/region.pem").exists
