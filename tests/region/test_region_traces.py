"""What is deleted is gone: from the API, and from the nodes."""

from __future__ import annotations

from cloud import Region, Tenant, wait


def traces(region: Region, words: list[str]) -> list[str]:
    """Namespaces, interfaces, domains and processes on the nodes that name one of `words`."""
    found = []
    for host in region.inventory.hosts:
        look = "ip netns; ip -o link; ls /var/lib/nova/instances 2>/dev/null; true"
        if "hypervisor" in host.roles:
            look = "virsh -q list --all --uuid; virsh -q list --all --name; " + look
        lines = region.on(host.name, look).splitlines()
        found += [f"{host.name}: {line}" for line in lines if any(word in line for word in words)]
    return found


def test_everything_deleted_leaves_nothing_behind(region: Region, someone: Tenant) -> None:
    net, subnet, router = someone.network("passing", "192.168.60.0/24")
    server = someone.boot("passing", net.id)
    someone.ready(server)
    port = someone.port(server)
    domain = someone.admin.compute.get_server(server.id).instance_name
    # neutron names interfaces by the first characters of ids.
    words = [server.id, domain, f"qdhcp-{net.id}", f"qrouter-{router.id}", f"tap{port.id[:11]}"]
    words.append(f"brq{net.id[:11]}")
    assert len(traces(region, words)) >= len(words)
    someone.delete(server)
    someone.without_network(net, subnet, router)
    assert not list(someone.admin.network.ports(network_id=net.id))
    assert wait(lambda: not traces(region, words), 60), traces(region, words)
