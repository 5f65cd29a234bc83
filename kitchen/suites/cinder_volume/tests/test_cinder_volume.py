"""A node for volumes: configured to the end, and refused where its kernel is not its own."""

import json

import pytest

testinfra_hosts = ["ansible://storage"]
ADDRESS = "10.90.0.12"
SALT = "/opt/salt/bin/salt-call -c /srv/kitchen/etc --out=json state.apply "


def applied(host, sls):
    """What each state of a run that must fail says, by its id."""
    result = host.run(SALT + sls)
    assert result.rc != 0
    states = json.loads(result.stdout)["local"].values()
    return {state["__id__"]: (state["result"], state["comment"]) for state in states}


@pytest.mark.parametrize("sls", ["stage.prepare", "cinder_volume.service"])
def test_node_without_a_kernel_of_its_own_is_refused_before_anything_is_done(host, sls):
    states = applied(host, sls)
    failed = {name: comment for name, (result, comment) in states.items() if result is False}
    comment = failed["cinder_volume_kernel_capable"]
    assert "volumes need a kernel of the node's own, and this is a container (lxc)" in comment
    done = {name for name, (result, _) in states.items() if result}
    assert not {name for name in done if name.startswith(("stage_prepare", "cinder_volume_"))}


def test_missing_modules_are_named(host):
    """On a host whose kernel has them there is nothing to name."""
    comment = applied(host, "cinder_volume.kernel")["cinder_volume_kernel_capable"][1]
    symbols = host.check_output("cut -d' ' -f3 /proc/kallsyms").split()
    for module, symbol in (("dm_mod", "dm_create"), ("dm_thin_pool", "thin_ctr")):
        assert (module in comment) == (symbol not in symbols), comment


@pytest.mark.parametrize("unit", ["cinder-volume", "cinder-volume-group", "tgt", "iscsid"])
def test_daemon_of_a_refused_node_does_not_run(host, unit):
    assert not host.service(unit).is_running


def test_target_listens_on_the_management_address_only(host):
    host.check_output("systemctl start tgt")
    try:
        listening = host.check_output("ss -Hltn sport = :3260").splitlines()
        assert [line.split()[3] for line in listening] == [f"{ADDRESS}:3260"]
    finally:
        host.check_output("systemctl stop tgt")


def test_settings_are_such_as_cinder_reads(host):
    look = (
        "import sys; from cinder import objects; objects.register_all();"
        "from cinder.common import config; from oslo_config import cfg;"
        "from cinder.volume import configuration, driver; from cinder.volume.drivers import lvm;"
        "cfg.CONF([], project='cinder');"
        "options = driver.volume_opts + lvm.volume_opts;"
        "own = configuration.Configuration(options, config_group='lvm');"
        "print(cfg.CONF.enabled_backends, own.volume_group, own.lvm_type, own.target_helper,"
        " own.target_ip_address, own.target_port)"
    )
    settings = host.check_output("sudo -u cinder python3 -W ignore -c %s", look)
    assert settings == f"['lvm'] cinder-volumes thin tgtadm {ADDRESS} 3260"


def test_disk_that_is_none_is_refused(host):
    result = host.run("/usr/local/sbin/cinder-volume-group make cinder-volumes /dev/null")
    assert result.rc == 1
    assert result.stderr.strip() == "/dev/null is no disk of this node"


def test_settings_with_passwords_are_for_the_service_alone(host):
    settings = host.file("/etc/cinder/cinder.conf")
    assert (settings.user, settings.group, settings.mode) == ("root", "cinder", 0o640)
