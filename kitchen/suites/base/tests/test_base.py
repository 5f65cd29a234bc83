"""What every node gets before Salt: names, and how packages are installed."""

DEB = r"""
set -eu
rm -rf /run/deb && mkdir -p /run/deb/DEBIAN /run/deb/usr/lib/systemd/system
cat >/run/deb/DEBIAN/control <<'END'
Package: started-or-not
Version: 1
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: a service that its package starts
END
cat >/run/deb/usr/lib/systemd/system/started-or-not.service <<'END'
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
END
cat >/run/deb/DEBIAN/postinst <<'END'
#!/bin/sh
set -e
systemctl daemon-reload
systemctl enable started-or-not
deb-systemd-invoke start started-or-not
END
chmod 0755 /run/deb/DEBIAN/postinst
dpkg-deb --build /run/deb /run/started-or-not.deb
"""
APT = "apt-get -y -o APT::Sandbox::User=root"


def started(host, variables):
    """Whether the service of a package runs when apt has installed it; it is taken off again."""
    host.check_output("sh -c %s", DEB)
    host.check_output(f"{variables} {APT} install /run/started-or-not.deb")
    runs = host.service("started-or-not").is_running
    host.run("systemctl stop started-or-not")
    host.check_output(f"{APT} purge started-or-not")
    return runs


def test_node_has_its_name(host):
    assert host.check_output("hostname") == "node"
    assert host.check_output("getent hosts node").split()[0] == "10.90.0.11"


def test_what_a_person_installs_starts(host):
    assert started(host, "")


def test_what_salt_installs_waits_for_salt(host):
    assert not started(host, "SALT_INSTALLS=yes")


def test_packages_are_unpacked_with_care_for_the_disk(host):
    assert "unsafe-io" not in host.check_output("apt-config dump; cat /etc/dpkg/dpkg.cfg.d/* || :")


def test_apt_installs_only_what_was_asked_for(host):
    settings = host.check_output("apt-config dump")
    assert 'APT::Install-Recommends "false";' in settings
    assert 'DPkg::Lock::Timeout "120";' in settings
