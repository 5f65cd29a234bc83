"""What the environment says of its flavors, images, networks and quotas is there, and nobody else's
things are touched."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

URL = "https://10.90.0.11:5000/v3"
TOOL = "/usr/bin/python3 -B /usr/local/lib/cloud/things.py"
ASK = (Path(__file__).parent / "ask.py").read_text(encoding="utf-8")
MARK = "Made by the content of the region RegionOne"
IMAGE = "/run/kitchen-image"
PILLAR = Path(__file__).resolve().parents[4] / "salt/pillar/cloud.sls"
KINDS = ("flavors", "images", "networks", "aggregates", "quotas")
# What each thing has that says nothing else.
PATTERNS = yaml.safe_load(PILLAR.read_text(encoding="utf-8"))["cloud"]


@pytest.fixture(scope="module")
def node(host):
    return json.loads(host.check_output("cat /srv/kitchen/pillar/region.json"))


@pytest.fixture(scope="module")
def wanted(node):
    """What the suite's settings say, over what the pillar has."""
    settings = node["settings"]["cloud"]
    return {"region": "RegionOne", **whole(**{kind: settings.get(kind, {}) for kind in KINDS})}


@pytest.fixture(scope="module")
def things(host, node):
    """Run the tool: exit status, and what it says."""

    def run(how, wanted):
        words = f"KEYSTONE_PASSWORD=%s CLOUD_THINGS=%s {TOOL} {how} {URL}"
        done = host.run(words, node["secrets"]["keystone_admin"], json.dumps(wanted))
        return done.rc, (done.stdout + done.stderr).strip()

    return run


@pytest.fixture(scope="module")
def ask(host, node):
    """Ask a service as the admin: the document that it answers."""

    def run(method, service, path, body=None):
        words = [method, service, path, json.dumps(body)]
        line = "KEYSTONE_PASSWORD=%s /usr/bin/python3 -B -c %s %s %s %s %s"
        return json.loads(host.check_output(line, node["secrets"]["keystone_admin"], ASK, *words))

    return run


@pytest.fixture
def changed(things, wanted):
    """Bring about other things, and those of the suite again afterwards."""

    def run(**kinds):
        status, output = things("apply", {**wanted, **kinds})
        assert status == 0, output
        assert things("check", {**wanted, **kinds}) == (0, "")
        return output.splitlines()

    yield run
    assert things("apply", wanted)[0] == 0


def whole(**kinds):
    """Named things of each kind, with the pillar's patterns."""
    return {kind: {**PATTERNS[kind], **named} for kind, named in kinds.items()}


@pytest.fixture
def image(host):
    """A file to be an image: its URL and digest."""
    content = "an image\n" * 1000
    host.check_output("printf %s >%s", content, IMAGE)
    yield {
        "source": f"file://{IMAGE}",
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "format": "raw",
    }
    host.check_output("rm %s", IMAGE)


def named(listed, name):
    return [thing for thing in listed if thing["name"] == name]


def test_flavors_are_as_the_environment_says(ask):
    flavors = ask("GET", "compute", "/flavors/detail?is_public=None")["flavors"]
    (small,), (large,) = named(flavors, "small"), named(flavors, "large")
    assert (small["ram"], small["vcpus"], small["disk"]) == (256, 1, 2)
    assert (large["ram"], large["vcpus"], large["disk"]) == (4096, 4, 1)
    assert large["extra_specs"] == {"hw:mem_page_size": "any"}
    assert [flavor["os-flavor-access:is_public"] for flavor in (small, large)] == [True, False]


def test_provider_network_is_as_the_environment_says(ask):
    (net,) = named(ask("GET", "network", "/v2.0/networks")["networks"], "outside")
    assert (net["router:external"], net["shared"], net["description"]) == (True, False, MARK)
    assert net["provider:physical_network"] == "external"
    (subnet,) = ask("GET", "network", f"/v2.0/subnets?network_id={net['id']}")["subnets"]
    assert (subnet["name"], subnet["cidr"]) == ("only", "203.0.113.0/24")
    assert subnet["allocation_pools"] == [{"start": "203.0.113.10", "end": "203.0.113.99"}]
    assert not subnet["enable_dhcp"]


def test_quotas_that_are_said_count_and_others_stay(ask):
    (project,) = ask("GET", "identity", "/projects?name=admin")["projects"]
    compute = ask("GET", "compute", f"/os-quota-sets/{project['id']}")["quota_set"]
    network = ask("GET", "network", f"/v2.0/quotas/{project['id']}")["quota"]
    assert (compute["instances"], compute["cores"]) == (7, 20)
    assert (network["floatingip"], network["router"]) == (3, 10)


def test_nothing_is_left_to_do(things, wanted):
    assert things("check", wanted) == (0, "")


def test_flavor_with_other_values_is_made_anew_and_goes_when_it_is_no_longer_wanted(ask, changed):
    lines = changed(**whole(flavors={"small": {"memory": 300, "extra": {"a": "b"}}}))
    assert "flavor small: other disk, ram, made anew" in lines
    assert "flavor large: no longer wanted" in lines
    (small,) = named(ask("GET", "compute", "/flavors/detail")["flavors"], "small")
    assert (small["ram"], small["extra_specs"]) == (300, {"a": "b"})
    lines = changed(**whole(flavors={"small": {"memory": 300}}))
    assert lines == ["flavor small: extra a is one too many"]


def test_flavor_of_somebody_else_is_told_and_stays(ask, things, wanted):
    body = {"flavor": {"name": "theirs", "ram": 64, "vcpus": 1, "disk": 1}}
    theirs = ask("POST", "compute", "/flavors", body)["flavor"]
    try:
        for flavors in ({}, {"theirs": {"memory": 64}}):
            assert things("apply", {**wanted, **whole(flavors=flavors)})[0] == 0
        status, output = things("check", {**wanted, **whole(flavors={"theirs": {"memory": 65}})})
        assert status == 1
        assert (
            f"other values (ram). Where it is to go: openstack flavor delete {theirs['id']}"
            in output
        )
    finally:
        ask("DELETE", "compute", f"/flavors/{theirs['id']}")
        things("apply", wanted)


def test_image_is_proved_shown_replaced_and_hidden(ask, changed, host, image):
    def listed():
        return ask("GET", "image", "/v2/images?name=guest")["images"]

    lines = changed(**whole(images={"guest": {**image, "properties": {"os_distro": "none"}}}))
    assert lines[0] == "image guest: missing"
    (first,) = listed()
    assert (first["visibility"], first["os_distro"], first["size"]) == ("public", "none", 9000)
    host.check_output("echo more >>%s", IMAGE)
    digest = host.check_output("sha256sum %s", IMAGE).split()[0]
    lines = changed(**whole(images={"guest": {**image, "sha256": digest}}))
    assert f"image guest: {first['id']} is hidden" in lines
    (second,) = listed()
    assert second["id"] != first["id"]
    assert ask("GET", "image", f"/v2/images/{first['id']}")["status"] == "active"
    assert changed(**whole(images={})) == [f"image guest: {second['id']} is hidden"]
    # Wanted again it is shown again, and fetched from nowhere.
    host.check_output("echo other >%s", IMAGE)
    changed(**whole(images={"guest": {**image, "sha256": digest}}))
    assert [shown["id"] for shown in listed()] == [second["id"]]


def test_image_that_is_not_what_its_digest_says_is_never_shown(ask, things, wanted, image):
    others = {**wanted, **whole(images={"bad": {**image, "sha256": "0" * 64}})}
    status, output = things("apply", others)
    assert status == 1
    assert f"has the digest {image['sha256']}, and not the wanted one" in output
    assert ask("GET", "image", "/v2/images?name=bad")["images"] == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sha256": "abc"}, "cloud.images.bad.sha256 is not 64 digits"),
        ({"sha256": "0" * 64, "source": "ftp://here/x"}, "its source is no URL of https"),
        ({"sha256": "0" * 64, "source": "file:///nowhere"}, "No such file"),
    ],
)
def test_image_without_proof_or_source_is_told(things, wanted, values, message):
    others = {**wanted, **whole(images={"bad": {"source": "", **values}})}
    status, output = things("apply", others)
    assert status == 1
    assert message in output


def test_image_that_bears_the_mark_and_is_none_of_ours_is_left_alone(ask, things, wanted):
    """What nova takes of an instance has its image's properties; a tenant may write them, too."""
    body = {"name": "theirs", "disk_format": "raw", "container_format": "bare", "made_by": MARK}
    snapshot = ask("POST", "image", "/v2/images", {**body, "base_image_ref": "x", "made_of": "y"})
    try:
        assert things("apply", wanted) == (0, "")
        assert things("check", wanted) == (0, "")
        untouched = ask("GET", "image", f"/v2/images/{snapshot['id']}")
        assert (untouched["visibility"], untouched["os_hidden"]) == (snapshot["visibility"], False)
    finally:
        ask("DELETE", "image", f"/v2/images/{snapshot['id']}")


def test_image_that_was_only_begun_goes(ask, things, wanted):
    body = {"name": "begun", "disk_format": "raw", "container_format": "bare", "made_by": MARK}
    ask("POST", "image", "/v2/images", body)
    assert things("apply", wanted) == (0, "image begun: only begun")
    assert ask("GET", "image", "/v2/images?name=begun")["images"] == []


def test_network_of_another_project_that_bears_the_mark_is_left_alone(ask, things, wanted):
    (project,) = ask("GET", "identity", "/projects?name=service")["projects"]
    body = {"name": "outside", "project_id": project["id"], "description": MARK}
    made = ask("POST", "network", "/v2.0/networks", {"network": body})["network"]
    path = f"/v2.0/networks/{made['id']}"
    try:
        theirs = ask("GET", "network", path)["network"]
        assert things("apply", wanted) == (0, "")
        assert ask("GET", "network", path)["network"] == theirs
    finally:
        ask("DELETE", "network", path)


def test_network_in_use_is_not_taken_away_and_free_it_goes(ask, changed, things, wanted):
    inner = {"inner": {"type": "vxlan", "subnets": {"one": {"cidr": "192.168.9.0/24"}}}}
    assert "network inner: missing" in changed(**whole(networks=inner))
    (net,) = named(ask("GET", "network", "/v2.0/networks")["networks"], "inner")
    port = ask("POST", "network", "/v2.0/ports", {"port": {"network_id": net["id"]}})["port"]
    status, output = things("apply", wanted)
    assert status == 1
    assert "network inner: no longer wanted, and 1 ports are in it" in output
    ask("DELETE", "network", f"/v2.0/ports/{port['id']}")
    assert things("apply", wanted)[1].splitlines()[-1] == "network inner: no longer wanted"


def test_network_cannot_become_another_and_says_so(things, wanted):
    others = json.loads(json.dumps(wanted))
    others["networks"]["outside"]["physical"] = "other"
    assert "provider:physical_network cannot be changed" in things("check", others)[1]


def test_aggregate_has_its_hosts_and_its_zone(ask, changed, things, wanted):
    fast = {"hosts": [], "zone": "north", "properties": {"ssd": True}}
    changed(**whole(aggregates={"fast": fast}))
    (aggregate,) = named(ask("GET", "compute", "/os-aggregates")["aggregates"], "fast")
    assert aggregate["metadata"] == {"made_by": MARK, "ssd": "true", "availability_zone": "north"}
    lines = changed(**whole(aggregates={"fast": {**fast, "properties": {}}}))
    assert lines == ["aggregate fast: ssd"]
    lines = changed(**whole(aggregates={"fast": {**fast, "zone": ""}}))
    assert lines[0] == "aggregate fast: is no zone any more, made anew"
    status, output = things(
        "apply", {**wanted, **whole(aggregates={"fast": {**fast, "hosts": ["no"]}})}
    )
    assert status == 1
    assert "no" in output
    assert changed(**whole(aggregates={})) == ["aggregate fast: no longer wanted"]


def test_private_flavor_that_is_made_anew_stays_with_its_projects(ask, changed):
    (large,) = named(ask("GET", "compute", "/flavors/detail?is_public=None")["flavors"], "large")
    (project,) = ask("GET", "identity", "/projects?name=service")["projects"]
    act = {"addTenantAccess": {"tenant": project["id"]}}
    ask("POST", "compute", f"/flavors/{large['id']}/action", act)
    changed(**whole(flavors={"large": {"memory": 4097, "public": False}}))
    (anew,) = named(ask("GET", "compute", "/flavors/detail?is_public=None")["flavors"], "large")
    assert anew["id"] != large["id"]
    access = ask("GET", "compute", f"/flavors/{anew['id']}/os-flavor-access")["flavor_access"]
    assert [row["tenant_id"] for row in access] == [project["id"]]


def test_quotas_of_a_project_that_is_not_there_are_told(things, wanted):
    status, output = things("check", {**wanted, **whole(quotas={"nobody": {"instances": 1}})})
    assert (status, "keystone has no project nobody" in output) == (1, True)
    status, output = things("check", {**wanted, **whole(quotas={"admin": {"instances": "7"}})})
    assert (status, "instances is no whole number" in output) == (1, True)


def test_password_is_never_said(things, wanted, node):
    assert (
        node["secrets"]["keystone_admin"]
        not in things("check", {**wanted, **whole(quotas={"x": {}})})[1]
    )
