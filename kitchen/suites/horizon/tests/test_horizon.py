"""The dashboard answers on the management address, and its form through the load balancer."""

ADDRESS = "10.90.0.11"


def test_dashboard_runs_and_comes_back_at_boot(host):
    service = host.service("horizon")
    assert service.is_running
    assert service.is_enabled


def test_dashboard_listens_for_its_own_node_only(host):
    listening = host.check_output("ss -Hltn sport = :18443").splitlines()
    assert [line.split()[3] for line in listening] == ["127.0.0.1:18443"]


def test_login_form_is_there_over_tls(host):
    page = host.check_output("curl -s -m 60 https://%s/auth/login/", ADDRESS)
    assert "csrfmiddlewaretoken" in page


def test_stylesheet_of_the_form_is_there(host):
    page = host.check_output("curl -s -m 60 https://%s/auth/login/", ADDRESS)
    path = page.split('rel="stylesheet"')[0].rsplit('href="', 1)[-1].split('"')[0]
    path = path if path.endswith(".css") else page.split('.css"')[0].rsplit('"', 1)[-1] + ".css"
    code = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s%s", "%{http_code}", ADDRESS, path
    )
    assert code == "200", path


def test_settings_with_the_secret_are_for_the_dashboard_alone(host):
    settings = host.file("/etc/openstack-dashboard/local_settings.d/_9000_region.py")
    assert (settings.user, settings.group, settings.mode) == ("root", "www-data", 0o640)
