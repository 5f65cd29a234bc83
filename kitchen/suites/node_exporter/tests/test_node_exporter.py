"""The node's figures, on the management address only."""

WHERE = "10.90.0.11:9100"


def test_exporter_runs_and_comes_back_at_boot(host):
    exporter = host.service("prometheus-node-exporter")
    assert exporter.is_running
    assert exporter.is_enabled


def test_exporter_listens_on_the_management_address_only(host):
    listening = host.check_output("ss -Hltn sport = :9100").splitlines()
    assert [line.split()[3] for line in listening] == [WHERE]


def test_exporter_tells_the_load_of_the_node(host):
    assert "\nnode_load1 " in host.check_output("curl -s -m 20 http://%s/metrics", WHERE)
