"""The dashboard's login page answers on the management address."""

ADDRESS = "10.90.0.11"
PORT = "18443"


def test_dashboard_runs_and_comes_back_at_boot(host):
    assert host.service("horizon").is_running
    assert host.service("horizon").is_enabled


def test_dashboard_listens_on_the_management_address_only(host):
    listening = host.check_output("ss -Hltn sport = :%s", PORT).splitlines()
    assert [line.split()[3] for line in listening] == [f"{ADDRESS}:{PORT}"]


def test_login_page_is_there(host):
    said = host.check_output(
        "curl -s -L -m 30 -H %s http://%s:%s/auth/login/", f"Host: {ADDRESS}", ADDRESS, PORT
    )
    assert 'name="password"' in said


def test_settings_are_not_for_everyone(host):
    settings = host.file("/etc/openstack-dashboard/local_settings.d/_9000_region.py")
    assert (settings.group, settings.mode) == ("www-data", 0o640)
