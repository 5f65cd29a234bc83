"""The edge that a region is upgraded over: what the release before says where the content does not.

From packages of bookworm alone to those with security updates, and one revision of neutron's
database (a foreign key that cascades: no code of either side minds it).
"""

from __future__ import annotations

import re

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
# A line of the configuration of every nova, every neutron and every agent: all are restarted.
EDITS = (
    ("salt/states/nova/files/nova.conf.jinja", "rpc_response_timeout"),
    ("salt/states/neutron/files/neutron.conf.jinja", "rpc_response_timeout"),
)


def before(railway: Railway) -> None:
    """Make the checkout's content what the release before was."""
    for file, shipped, older in EDGE:
        railway.change(file, shipped, older)


def after(railway: Railway) -> None:
    """Make it what is shipped."""
    for file, shipped, older in EDGE:
        railway.change(file, older, shipped)


def restart_everything(railway: Railway) -> None:
    """Change a line that restarts every service that instances stand on: a timeout, by a second."""
    for file, name in EDITS:
        text = (railway.folder / file).read_text()
        line, value = re.search(rf"^{name} = (\d+)$", text, re.M).group(0, 1)  # type: ignore[union-attr]
        railway.change(file, line, f"{name} = {int(value) + 1}")
