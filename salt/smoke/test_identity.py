"""Identity answers through the load balancer, and only as it should."""


def ask(region, how):
    """What identity says to the admin's credentials, asked from the master."""
    return region.on_master("on_master_token.py", region.identity_url, how)


def test_right_credentials_get_a_token_over_verified_tls(region):
    assert ask(region, "good") == "201 token"


def test_wrong_credentials_are_refused(region):
    assert ask(region, "bad").startswith("401 ")


def test_certificate_is_trusted_by_this_environment_only(region):
    assert "CERTIFICATE_VERIFY_FAILED" in ask(region, "untrusted")
