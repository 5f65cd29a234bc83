"""MariaDB answers on the management address only, with the region's settings."""

ADDRESS = "10.90.0.11"


def test_server_runs_and_comes_back_at_boot(host):
    server = host.service("mariadb")
    assert server.is_running
    assert server.is_enabled


def test_server_listens_on_the_management_address_only(host):
    listening = host.check_output("ss -Hltn sport = :3306").splitlines()
    assert [line.split()[3] for line in listening] == [f"{ADDRESS}:3306"]


def test_settings_of_the_region_are_in_force(host):
    asked = "SELECT @@bind_address, @@skip_name_resolve, @@log_bin"
    assert host.check_output("mariadb -N -e %s", asked).split() == [ADDRESS, "1", "0"]


def test_nobody_gets_in_without_an_account(host):
    said = host.run("mariadb --skip-ssl -h %s -u nobody -e %s", ADDRESS, "SELECT 1")
    assert said.rc != 0
    assert "is not allowed" in said.stderr or "Access denied" in said.stderr


def test_file_with_passwords_is_for_root_alone(host):
    assert host.file("/etc/mysql/region-access.sql").mode == 0o600
