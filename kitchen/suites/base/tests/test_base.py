"""What every node gets before Salt: names, and packages that start nothing unconfigured."""


def test_node_has_its_name(host):
    assert host.check_output("hostname") == "node"
    assert host.check_output("getent hosts node").split()[0] == "10.90.0.11"


def test_installed_packages_start_nothing(host):
    assert host.run("/usr/sbin/policy-rc.d keystone start").rc == 101


def test_apt_installs_only_what_was_asked_for(host):
    settings = host.check_output("apt-config dump")
    assert 'APT::Install-Recommends "false";' in settings
    assert 'DPkg::Lock::Timeout "120";' in settings
