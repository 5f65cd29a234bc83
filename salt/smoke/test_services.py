"""Every service of the region, whichever it has: behind the load balancer, nowhere else."""

import json

GET = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).status)"


def test_catalogue_names_every_service_of_the_region_and_no_other(region):
    catalogue = json.loads(region.on_master("on_master_catalogue.py", region.identity_url))
    assert catalogue == {
        kind: dict.fromkeys(("admin", "internal", "public"), url)
        for kind, url in region.catalogued.items()
    }


def test_every_service_answers_over_verified_tls(region):
    for kind, offer in region.offered.items():
        url = f"https://{region.front}:{offer['public_port']}{offer['check']}"
        assert region.on_master("on_master_get.py", url) == "200", kind


def test_every_node_of_a_service_answers(region):
    for kind, offer in region.offered.items():
        for name in region.with_role(offer["role"]):
            url = f"http://{region.address(name)}:{offer['backend_port']}{offer['check']}"
            assert region.master.check_output("python3 -c %s %s", GET, url) == "200", (kind, name)


def test_load_balancer_listens_on_the_management_network_only(region):
    for name in region.with_role("load-balancer"):
        listening = region.host(name).check_output("ss -Hltn").splitlines()
        found = {line.split()[3] for line in listening}
        for offer in region.offered.values():
            mine = {where for where in found if where.endswith(f":{offer['public_port']}")}
            wanted = {region.address(name)}
            if "virtual-address" in region.nodes[name]["roles"]:
                wanted.add(region.virtual)  # whether it holds the address or not
            assert mine == {f"{one}:{offer['public_port']}" for one in wanted}, name


def test_no_service_listens_on_the_uplink_but_ssh(region):
    for name in region.nodes:
        listening = region.host(name).check_output("ss -Hltn").splitlines()
        inside = (region.address(name), region.virtual or "127.", "127.", "[::1]")
        open_to_all = {
            line.split()[3]
            for line in listening
            if not line.split()[3].startswith(inside)
        }
        assert {where.rsplit(":", 1)[1] for where in open_to_all} <= {"22"}, name
