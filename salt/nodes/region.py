"""The region of this Salt master, asked as its admin: where every tool of this folder begins.

The admin's password is read where it lives and never printed.
"""

import json
import ssl
import sys
from pathlib import Path

HERE = Path(__file__).resolve()  # /srv/kits/DIGEST/salt/nodes/region.py
STORE = HERE.parents[4] / "environment"
ROLE_MAP = HERE.parents[1] / "roles.yml"
# Seconds for one request: nova, told that a dead hypervisor is closed, first waits for its answer
# (rpc_response_timeout, 30 s).
TIMEOUT = 90

sys.path.append(str(HERE.parents[1] / "states/lib/files"))
from session import Session, credentials, reason_of  # noqa: E402


def environment():
    """The environment as its master knows it, without any secret."""
    return json.loads((STORE / "environment.json").read_text())


def role_map():
    """The release's roles by name."""
    import yaml

    return yaml.safe_load(ROLE_MAP.read_text())["roles"]


def front(environment, content):
    """The URL of identity behind the load balancer, None if the region has none."""
    nodes = environment["nodes"].values()
    balancers = [node for node in nodes if "load-balancer" in node["roles"]]
    if not balancers or not any("identity" in node["roles"] for node in nodes):
        return None
    virtual = (environment.get("virtual") or {}).get("management")
    address = virtual or balancers[0]["addresses"]["management"]
    offer = content["identity"]["offers"]["identity"]
    return f"https://{address}:{offer['public_port']}{offer['path']}"


def entered():
    """A session of the admin; None if the region has no identity. Raises OSError."""
    url = front(environment(), role_map())
    if url is None:
        return None
    password = json.loads((STORE / "secrets.json").read_text())["keystone_admin"]
    trust = ssl.create_default_context(cafile=STORE / "ca" / "ca.crt")
    return Session(url, credentials("admin", password), timeout=TIMEOUT, trust=trust)


def refused(error):
    """End with what an HTTPError says, and of which request; without its query."""
    sys.exit(f"{error.url.partition('?')[0]}: {error.code}: {reason_of(error)}")
