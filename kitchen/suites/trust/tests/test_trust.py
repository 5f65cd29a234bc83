"""Every program of the node trusts the region's authority, and the public ones as before."""

REGION = "/usr/local/share/ca-certificates/region.crt"


def test_authority_is_trusted_by_the_system(host):
    store = "/etc/ssl/certs/ca-certificates.crt"
    host.check_output("openssl verify -no-CApath -CAfile %s %s", store, REGION)


def test_public_authorities_are_still_trusted(host):
    count = host.check_output("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt")
    assert int(count) > 100


def test_authority_signs_no_further_authorities(host):
    constraints = host.check_output("openssl x509 -noout -ext basicConstraints -in %s", REGION)
    assert "CA:TRUE, pathlen:0" in constraints
