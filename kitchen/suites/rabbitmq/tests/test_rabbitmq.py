"""The message queue answers on the management address, to its one account."""

ADDRESS = "10.90.0.11"


def test_queue_runs_and_comes_back_at_boot(host):
    queue = host.service("rabbitmq-server")
    assert queue.is_running
    assert queue.is_enabled


def test_queue_listens_on_the_management_address_only(host):
    listening = host.check_output("ss -Hltn sport = :5672").splitlines()
    assert [line.split()[3] for line in listening] == [f"{ADDRESS}:5672"]


def test_nothing_of_the_queue_listens_on_every_address(host):
    listening = [line.split()[3] for line in host.check_output("ss -Hltn").splitlines()]
    assert {where for where in listening if not where.startswith((f"{ADDRESS}:", "127."))} <= (
        {"0.0.0.0:22", "[::]:22"}
    )


def test_guest_has_no_account(host):
    users = host.check_output("rabbitmqctl -q list_users --no-table-headers")
    assert [line.split()[0] for line in users.splitlines()] != []
    assert "guest" not in users


def test_settings_with_the_password_are_for_the_queue_alone(host):
    settings = host.file("/etc/rabbitmq/rabbitmq.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "rabbitmq", 0o640)
