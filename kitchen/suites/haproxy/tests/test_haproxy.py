"""The load balancer speaks TLS on the management address, with the region's certificate."""

ADDRESS = "10.90.0.11"
PORT = 5000


def test_balancer_runs_and_comes_back_at_boot(host):
    balancer = host.service("haproxy")
    assert balancer.is_running
    assert balancer.is_enabled


def test_balancer_listens_on_the_management_address_only(host):
    listening = {line.split()[3] for line in host.check_output("ss -Hltnp").splitlines()
                 if "haproxy" in line}  # fmt: skip
    assert f"{ADDRESS}:{PORT}" in listening
    assert all(where.startswith(f"{ADDRESS}:") for where in listening)


def test_backends_that_are_down_are_said_to_be_unavailable(host):
    said = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s --cacert /etc/haproxy/region-ca.crt https://%s:%s/v3",
        "%{http_code}",
        ADDRESS,
        str(PORT),
    )
    assert said == "503"


def test_certificate_is_refused_without_the_region_authority(host):
    said = host.run("curl -s -m 20 --cacert /etc/ssl/certs/ca-certificates.crt https://%s:%s/",
                    ADDRESS, str(PORT))  # fmt: skip
    trusted = host.file("/usr/local/share/ca-certificates/region.crt").exists
    assert said.rc == (0 if trusted else 60)


def test_old_protocols_are_refused(host):
    said = host.run("curl -s -m 20 -k --tls-max 1.1 https://%s:%s/", ADDRESS, str(PORT))
    assert said.rc == 35


def test_private_key_is_for_root_alone(host):
    assert host.file("/etc/haproxy/region.pem").mode == 0o600
