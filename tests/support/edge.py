"""The edge that a region is upgraded over: what the release before says where the content does not.

From packages of bookworm alone to those with security updates, and one revision of neutron's
database (a foreign key that cascades: no code of either side minds it).
"""

from __future__ import annotations

from railway import Railway

# File, what is shipped, what the release before says instead.
EDGE = (
    (
        "salt/pillar/vendor.sls",
        "suites: [bookworm, bookworm-updates, bookworm-security]",
        "suites: [bookworm]",
    ),
    ("salt/pillar/neutron.sls", "schema: [heads]", "schema: ['5c85685d616d', '21ff98fabab1']"),
    (
        "salt/roles.yml",
        "databases: [neutron], schema: zed,",
        "databases: [neutron], schema: zed-before-5881373af7f5,",
    ),
)


def before(railway: Railway) -> None:
    """Make the checkout's content what the release before was."""
    for file, shipped, older in EDGE:
        railway.change(file, shipped, older)


def after(railway: Railway) -> None:
    """Make it what is shipped."""
    for file, shipped, older in EDGE:
        railway.change(file, older, shipped)
