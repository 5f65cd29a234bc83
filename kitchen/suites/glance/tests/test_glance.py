"""Images can be kept and fetched with a token of identity, over the load balancer's TLS."""

import json
from pathlib import Path

ADDRESS = "10.90.0.11"
SCRIPT = (Path(__file__).parent / "image_roundtrip.py").read_text(encoding="utf-8")


def test_service_runs_and_comes_back_at_boot(host):
    service = host.service("glance-api")
    assert service.is_running
    assert service.is_enabled


def test_service_listens_for_its_own_node_only(host):
    listening = host.check_output("ss -Hltn sport = :19292").splitlines()
    assert [line.split()[3] for line in listening] == ["127.0.0.1:19292"]


def test_image_comes_back_as_it_went_in(host):
    password = json.loads(host.check_output("cat /srv/kitchen/pillar/region.json"))["secrets"]
    result = host.run(
        "KEYSTONE_PASSWORD=%s python3 -c %s %s", password["keystone_admin"], SCRIPT, ADDRESS
    )
    assert result.stdout.strip() == "same", result.stderr


def test_nobody_gets_in_without_a_token(host):
    status = host.check_output(
        "curl -s -m 20 -o /dev/null -w %s https://%s:9292/v2/images", "%{http_code}", ADDRESS
    )
    assert status == "401"


def test_settings_with_passwords_are_for_the_service_alone(host):
    settings = host.file("/etc/glance/glance-api.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "glance", 0o640)
