"""Every service of the region, whichever it has: behind the load balancer, nowhere else."""

import json

import pytest

GET = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=20).status)"



def test_catalogue_names_every_service_of_the_region_and_no_other(region):
    catalogue = json.loads(region.on_master("on_master_catalogue.py", region.identity_url))
    assert catalogue == {
        kind: {"admin": url, "internal": url, "public": region.catalogued_outside[kind]}
        for kind, url in region.catalogued.items()
    }


def test_every_service_answers_over_verified_tls(region):
    for kind, offer in region.offered.items():
        url = f"https://{region.front}:{offer['public_port']}{offer['check']}"
        assert region.on_master("on_master_get.py", url) == "200", kind


def test_outsiders_reach_what_is_for_them_by_its_name_and_nothing_else(region):
    if not region.public:
        pytest.skip("outsiders use what services use")
    address, host = region.public["address"], region.public["host"]
    for kind, offer in region.offered.items():
        url = f"https://{host}:{offer['public_port']}{offer['check']}"
        words = [url, address, "outside" if region.public["outside"] else "region"]
        if offer.get("inside"):
            place = f"/dev/tcp/{address}/{offer['public_port']}"
            assert region.master.run(f"timeout 5 bash -c 'exec 3<>{place}'").rc != 0, kind
        else:
            assert region.on_master("on_master_get.py", *words) == "200", kind


def test_every_node_of_a_service_answers(region):
    """To itself: who comes from elsewhere comes by the load balancers, and by TLS."""
    for kind, offer in region.offered.items():
        for name in region.with_role(offer["role"]):
            asked = region.host(name)
            listening = asked.check_output("ss -Hltn sport = :%s", str(offer["backend_port"]))
            url = f"http://{listening.split()[3]}{offer['check']}"
            assert asked.check_output("python3 -c %s %s", GET, url) == "200", (kind, name)


def test_load_balancer_listens_where_clients_are_and_nowhere_else(region):
    for name in region.with_role("load-balancer"):
        listening = region.host(name).check_output("ss -Hltn").splitlines()
        sockets = {line.split()[3] for line in listening}
        sharing = "virtual-address" in region.nodes[name]["roles"]
        for offer in region.offered.values():
            mine = {where for where in sockets if where.endswith(f":{offer['public_port']}")}
            wanted = {region.address(name)}
            if sharing:
                wanted.add(region.virtual)  # whether it holds the address or not
            if region.public and not offer.get("inside"):
                wanted.add(region.public["address"])
            assert mine == {f"{address}:{offer['public_port']}" for address in wanted}, name


def test_no_service_listens_on_the_uplink_but_ssh(region):
    for name in region.nodes:
        listening = region.host(name).check_output("ss -Hltn").splitlines()
        inside = [region.address(name), region.virtual, "127.", "[::1]"]
        if "load-balancer" in region.nodes[name]["roles"]:
            inside.append(region.public.get("address", ""))
        inside = tuple(filter(None, inside))
        open_to_all = {
            line.split()[3]
            for line in listening
            if not line.split()[3].startswith(inside)
        }
        assert {where.rsplit(":", 1)[1] for where in open_to_all} <= {"22"}, name
