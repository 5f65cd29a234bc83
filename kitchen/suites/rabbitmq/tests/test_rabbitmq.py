"""The message queue answers on the management address, by TLS, to an account for each service."""

import json

import pytest

ADDRESS = "10.90.0.11"
SERVICES = ("cinder", "heat", "neutron", "nova")
AUTHORITY = "/etc/rabbitmq/region.authority"
# Runs on the node: client.py PORT ACCOUNT VIRTUAL_HOST [AUTHORITY], with a service's password.
CLIENT = """
import json, sys, amqp
port, account, host, *authority = sys.argv[1:]
secrets = json.load(open('/srv/kitchen/pillar/region.json'))['secrets']
tls = {'ca_certs': authority[0], 'server_hostname': '10.90.0.11'} if authority else False
password = secrets[f'{account}_messaging']
link = amqp.Connection(f'10.90.0.11:{port}', userid=account, password=password, virtual_host=host,
                       ssl=tls, connect_timeout=5, read_timeout=10, write_timeout=10)
link.connect()
link.channel().queue_declare('kitchen', auto_delete=True)
link.close()
"""


def client(host, *words):
    return host.run("python3 -c %s" + " %s" * len(words), CLIENT, *words)


def test_queue_runs_and_comes_back_at_boot(host):
    queue = host.service("rabbitmq-server")
    assert queue.is_running
    assert queue.is_enabled


def test_queue_listens_by_tls_on_the_management_address_and_no_other_way(host):
    assert host.run("ss -Hltn sport = :5672").stdout == ""
    listening = host.check_output("ss -Hltn sport = :5671").splitlines()
    assert [line.split()[3] for line in listening] == [f"{ADDRESS}:5671"]


def test_nothing_of_the_queue_listens_on_every_address(host):
    listening = [line.split()[3] for line in host.check_output("ss -Hltn").splitlines()]
    assert {where for where in listening if not where.startswith((f"{ADDRESS}:", "127."))} <= (
        {"0.0.0.0:22", "[::]:22"}
    )


@pytest.mark.parametrize("account", SERVICES)
def test_service_works_in_the_virtual_host_of_its_name_and_in_no_other(host, account):
    result = client(host, "5671", account, account, AUTHORITY)
    assert result.rc == 0, result.stderr
    for other in ("/", *(name for name in SERVICES if name != account)):
        assert "NotAllowed" in client(host, "5671", account, other, AUTHORITY).stderr, other


def test_queue_of_another_authority_is_believed_by_nobody(host):
    host.check_output("openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=other"
                      " -keyout /dev/null -out /run/other.crt")  # fmt: skip
    result = client(host, "5671", "nova", "nova", "/run/other.crt")
    host.check_output("rm /run/other.crt")
    assert "CERTIFICATE_VERIFY_FAILED" in result.stderr


def test_no_account_is_an_administrator_and_nobody_else_has_one(host):
    users = json.loads(host.check_output("rabbitmqctl -q list_users --formatter json"))
    assert sorted((one["user"], one["tags"]) for one in users) == [(name, []) for name in SERVICES]


def test_certificate_that_was_renewed_is_shown_without_a_restart(host):
    shown = (
        f"openssl s_client -connect {ADDRESS}:5671 </dev/null 2>/dev/null"
        " | openssl x509 -noout -fingerprint"
    )
    before, process = host.check_output(shown), host.check_output("pidof beam.smp")
    folder, file = "/etc/rabbitmq", "/etc/rabbitmq/region"
    host.check_output("cp -a %s.certificate %s.key /run", file, file)
    try:
        host.check_output(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
            " -subj /CN=next -keyout /run/next.key -out /run/next.crt"
            f" && cat /run/next.key >{folder}/region.key"
            f" && cat /run/next.crt >{folder}/region.certificate"
        )
        host.check_output("rabbitmqctl -q eval %s", "ssl:clear_pem_cache().")
        assert host.check_output(shown) != before
    finally:
        host.check_output("cp -a /run/region.certificate /run/region.key %s && rm /run/region.*"
                          " /run/next.*", folder)  # fmt: skip
        host.check_output("rabbitmqctl -q eval %s", "ssl:clear_pem_cache().")
    assert host.check_output(shown) == before
    assert host.check_output("pidof beam.smp") == process


@pytest.mark.parametrize("name", ["rabbitmq.conf", "region.key"])
def test_settings_and_key_are_for_the_queue_alone(host, name):
    found = host.file(f"/etc/rabbitmq/{name}")
    assert (found.user, found.group, found.mode) == ("root", "rabbitmq", 0o640)
