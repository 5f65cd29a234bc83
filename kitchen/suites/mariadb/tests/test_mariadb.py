"""MariaDB answers on the management address only, as the region wants it, and can come back."""

import json
import time

import pytest

ADDRESS = "10.90.0.11"
TOOL = "/usr/local/sbin/mariadb-backups"
MOST = 180  # seconds that a way back may take
AUTHORITY = "/etc/mysql/region.authority"


def client(host, account, authority=""):
    """The version of TLS by which an account comes over the network, or why it does not."""
    trust = f"--ssl-ca={authority} --ssl-verify-server-cert" if authority else "--skip-ssl"
    asked = "SHOW STATUS LIKE 'Ssl_version'"
    return host.run(f"mariadb {trust} -h {ADDRESS} -u {account} -pkitchen -N -e %s", asked)


def test_server_runs_and_comes_back_at_boot(host):
    server = host.service("mariadb")
    assert server.is_running
    assert server.is_enabled


def test_server_listens_on_the_management_address_only(host):
    listening = host.check_output("ss -Hltn sport = :3306").splitlines()
    assert [line.split()[3] for line in listening] == [f"{ADDRESS}:3306"]


def test_settings_of_the_region_are_in_force(host):
    asked = "SELECT @@bind_address, @@skip_name_resolve, @@log_bin"
    assert host.check_output("mariadb -N -e %s", asked).split() == [ADDRESS, "1", "1"]


def test_nobody_gets_in_without_an_account(host):
    result = client(host, "nobody", AUTHORITY)
    assert result.rc != 0
    assert "is not allowed" in result.stderr or "Access denied" in result.stderr


@pytest.fixture
def account(host):
    """An account that is let in from this node; gone afterwards."""
    sql(host, f"CREATE USER kitchen@'{ADDRESS}' IDENTIFIED BY 'kitchen'")
    yield "kitchen"
    sql(host, f"DROP USER kitchen@'{ADDRESS}'")


def test_clients_speak_tls_with_a_server_that_the_region_vouches_for(host, account):
    result = client(host, account, AUTHORITY)
    assert result.stdout.split() == ["Ssl_version", "TLSv1.3"], result.stderr


def test_client_without_tls_is_sent_away(host, account):
    result = client(host, account)
    assert result.rc != 0
    assert "Access denied" in result.stderr


def test_server_of_another_authority_is_believed_by_nobody(host, account):
    host.check_output("openssl req -x509 -newkey ed25519 -nodes -days 1 -subj /CN=other"
                      " -keyout /dev/null -out /run/other.crt")  # fmt: skip
    result = client(host, account, "/run/other.crt")
    host.check_output("rm /run/other.crt")
    assert "self-signed certificate in certificate chain" in result.stderr


def test_certificate_that_was_renewed_is_shown_without_a_restart(host):
    shown = "mariadb --ssl -N -e \"SHOW STATUS LIKE 'Ssl_server_not_after'\""
    folder, before, process = (
        "/etc/mysql",
        host.check_output(shown),
        host.check_output("pidof mariadbd"),
    )
    host.check_output("cp -a /etc/mysql/region.certificate /etc/mysql/region.key /run")
    try:
        host.check_output(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
            " -subj /CN=next -keyout /run/next.key -out /run/next.crt"
            f" && cat /run/next.key >{folder}/region.key"
            f" && cat /run/next.crt >{folder}/region.certificate"
        )
        sql(host, "FLUSH SSL")
        assert host.check_output(shown) != before
    finally:
        host.check_output("cp -a /run/region.certificate /run/region.key %s && rm /run/region.*"
                          " /run/next.*", folder)  # fmt: skip
        sql(host, "FLUSH SSL")
    assert host.check_output(shown) == before
    assert host.check_output("pidof mariadbd") == process


def test_key_is_for_the_database_alone(host):
    key = host.file("/etc/mysql/region.key")
    assert (key.user, key.group, key.mode) == ("root", "mysql", 0o640)


def test_file_with_passwords_is_for_root_alone(host):
    assert host.file("/etc/mysql/region-access.sql").mode == 0o600


def sql(host, statement):
    return host.check_output("mariadb -N -e %s", statement)


@pytest.fixture
def table(host):
    """A table of a service, empty; gone afterwards."""
    sql(host, "CREATE DATABASE kitchen; CREATE TABLE kitchen.said (text VARCHAR(99) PRIMARY KEY)")
    yield
    sql(host, "DROP DATABASE IF EXISTS kitchen")


def texts(host):
    return sql(host, "SELECT text FROM kitchen.said ORDER BY text").split()


def now(host):
    """The time on the node as the tool takes it, with a whole second on both sides of it."""
    time.sleep(1.1)
    moment = host.check_output("date -u %s", "+%Y%m%dT%H%M%SZ")
    time.sleep(1.1)
    return moment


def test_backups_and_logs_are_taken_by_timers(host):
    for name in ("mariadb-backup", "mariadb-backup-logs"):
        assert host.service(f"{name}.timer").is_running
        assert host.service(f"{name}.timer").is_enabled
        host.check_output("systemctl start %s.service", name)
    listing = json.loads(host.check_output("%s list", TOOL))
    assert listing["backups"][-1]["why"] == "by the timer"
    assert host.file("/var/backups/mariadb").mode == 0o700


def test_database_comes_back_to_the_moment_between_two_writes(host, table, capsys):
    sql(host, "INSERT INTO kitchen.said VALUES ('before')")
    host.check_output("%s make %s", TOOL, "by the test")
    sql(host, "INSERT INTO kitchen.said VALUES ('between')")
    moment = now(host)
    sql(host, "INSERT INTO kitchen.said VALUES ('after')")
    sql(host, "DELETE FROM kitchen.said WHERE text = 'before'")
    sql(host, "CREATE TABLE kitchen.more (x INT)")
    began = time.monotonic()
    host.check_output("%s prepare %s", TOOL, moment)
    assert texts(host) == ["after", "between"]  # until then nobody notices
    host.check_output("%s switch", TOOL)
    seconds = time.monotonic() - began
    with capsys.disabled():
        print(f"\nback at {moment} after {seconds:.1f} s")
    assert seconds < MOST
    assert texts(host) == ["before", "between"]
    assert sql(host, "SHOW TABLES IN kitchen").split() == ["said"]
    assert host.service("mariadb").is_running

    # What was undone can be had, too, and the row that begins here leads on.
    host.check_output("systemctl start mariadb-backup.service")
    sql(host, "INSERT INTO kitchen.said VALUES ('anew')")
    again = now(host)
    sql(host, "DROP TABLE kitchen.said")
    host.check_output("%s prepare %s && %s switch", TOOL, again, TOOL)
    assert texts(host) == ["anew", "before", "between"]


def test_database_comes_back_as_a_backup_has_it(host, table):
    sql(host, "INSERT INTO kitchen.said VALUES ('before')")
    name = host.check_output("%s make %s", TOOL, "by the test").partition(":")[0]
    sql(host, "INSERT INTO kitchen.said VALUES ('after')")
    host.check_output("%s prepare %s && %s switch", TOOL, name, TOOL)
    assert texts(host) == ["before"]


def test_server_that_is_down_loses_nothing_that_its_logs_have(host, table):
    host.check_output("%s make %s", TOOL, "by the test")
    sql(host, "INSERT INTO kitchen.said VALUES ('last')")
    host.check_output("systemctl stop mariadb && cd /var/lib/mysql && rm -r kitchen ibdata1")
    host.check_output("%s prepare && %s switch", TOOL, TOOL)
    assert texts(host) == ["last"]


def test_time_that_nothing_leads_to_is_refused_and_nothing_is_touched(host, table):
    done = host.run("%s prepare 20200101T000000Z", TOOL)
    assert done.rc == 1
    assert "no backup leads to 20200101T000000Z" in done.stderr
    assert host.run("%s switch", TOOL).rc == 1
    assert texts(host) == []


def test_backup_that_changed_on_the_disk_is_refused(host):
    name = host.check_output("%s make %s", TOOL, "by the test").partition(":")[0]
    packed = f"/var/backups/mariadb/full/{name}/data.tar.gz"
    host.check_output("printf x | dd of=%s bs=1 seek=1000 conv=notrunc status=none", packed)
    done = host.run("%s prepare %s", TOOL, name)
    assert done.rc == 1
    assert "is not what it was made as" in done.stderr
    host.check_output("rm -r /var/backups/mariadb/full/%s", name)


def test_sealed_backup_brings_back_a_database_whose_node_lost_everything(host, table):
    sql(host, "INSERT INTO kitchen.said VALUES ('kept')")
    host.check_output("%s make %s", TOOL, "by the test")
    sql(host, "INSERT INTO kitchen.said VALUES ('logged')")
    host.check_output("%s logs && age-keygen -o /root/kitchen.key 2>/dev/null", TOOL)
    public = host.check_output("age-keygen -y /root/kitchen.key")
    sealed = host.check_output("%s seal latest %s", TOOL, public)
    assert host.run("tar -tf %s", sealed).rc != 0
    host.check_output("mv %s /root/kitchen.age", sealed)
    host.check_output("systemctl stop mariadb && rm -r /var/backups/mariadb")
    host.check_output("find /var/lib/mysql /var/lib/mysql-logs -mindepth 1 -delete")
    host.check_output("mariadb-install-db --user=mysql >/dev/null && systemctl start mariadb")
    host.check_output("age -d -i /root/kitchen.key /root/kitchen.age | %s take", TOOL)
    host.check_output("%s prepare && %s switch", TOOL, TOOL)
    host.check_output("rm /root/kitchen.key /root/kitchen.age")
    assert texts(host) == ["kept", "logged"]
