"""Each node's Salt key pair: made once, the private key for root alone."""

import pytest


def pair(host):
    kind = "master" if host.check_output("hostname") == "salt" else "minion"
    return f"/etc/salt/pki/{kind}/{kind}"


def test_private_key_is_for_root_alone(host):
    key = host.file(f"{pair(host)}.pem")
    assert (key.user, key.mode) == ("root", 0o400)


def test_public_key_belongs_to_the_private_one(host):
    derived = host.check_output("openssl rsa -pubout -in %s.pem", pair(host))
    assert derived == host.file(f"{pair(host)}.pub").content_string.strip()


@pytest.mark.parametrize("left", [".new", ".pem.new"])
def test_nothing_half_made_is_left(host, left):
    assert not host.file(pair(host) + left).exists
