"""What the region is for: identity answers through the load balancer, and only as it should."""

from pathlib import Path

SCRIPT = Path(__file__).with_name("on_master.py").read_text()
PORT = 5000
BACKEND_PORT = 5001


def ask(region, how):
    """What identity says to the admin's credentials, asked from the master."""
    return region.master.check_output("python3 -c %s %s %s", SCRIPT, region.identity_url, how)


def test_right_credentials_get_a_token_over_verified_tls(region):
    assert ask(region, "good") == "201 token"


def test_wrong_credentials_are_refused(region):
    assert ask(region, "bad").startswith("401 ")


def test_certificate_is_trusted_by_this_environment_only(region):
    assert "CERTIFICATE_VERIFY_FAILED" in ask(region, "untrusted")


def test_load_balancer_listens_on_the_management_network_only(region):
    for name in region.with_role("load-balancer"):
        listening = region.host(name).check_output("ss -Hltn sport = :%s", str(PORT))
        found = [line.split()[3] for line in listening.splitlines()]
        assert found == [f"{region.address(name)}:{PORT}"], name


def test_no_service_listens_on_the_uplink_but_ssh(region):
    for name in region.nodes:
        listening = region.host(name).check_output("ss -Hltn").splitlines()
        open_to_all = {
            line.split()[3]
            for line in listening
            if not line.split()[3].startswith((region.address(name), "127.", "[::1]"))
        }
        assert {where.rsplit(":", 1)[1] for where in open_to_all} <= {"22"}, name


def test_every_identity_node_answers(region):
    for name in region.with_role("identity"):
        url = f"http://{region.address(name)}:{BACKEND_PORT}/v3"
        code = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).status)"
        assert region.master.check_output("python3 -c %s %s", code, url) == "200", name
