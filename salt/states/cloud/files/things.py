#!/usr/bin/python3
"""Bring a cloud's own things to what its environment says: flavors, images, networks, quotas, aggregates,
and where its people come from.

    things.py check|apply URL

Reads from the environment KEYSTONE_PASSWORD (the admin's), CLOUD_THINGS, JSON as the pillar's `cloud`
(pillar/cloud.sls), with `region`: what each kind has that says nothing else is under '*'; and if there
are any, CLOUD_PASSWORDS, JSON {name: password} of where people come from.
`check` ends with 1 at the first difference and names it; `apply` brings about what is missing and
says each thing it did.

People make such things, too. So what this makes carries a mark, and only that is changed or taken
away; what has none, and is called the same, is good as it is where it is the same, else told. What
somebody still uses is not taken away: a network with ports is told, an image is hidden (it is what
its instances are rebuilt from).
"""

import json
import os
import sys
import urllib.error

sys.dont_write_bytecode = True
sys.path.append("/usr/local/lib/region")
import aggregates  # noqa: E402
import directories  # noqa: E402
import flavors  # noqa: E402
import images  # noqa: E402
import networks  # noqa: E402
import providers  # noqa: E402
import quotas  # noqa: E402
from contract import Cloud, Different, Foreign  # noqa: E402
from session import Session, credentials, reason_of  # noqa: E402

TIMEOUT = 120  # seconds for one request
KINDS = (directories, providers, flavors, images, networks, aggregates, quotas)


def with_defaults(things):
    """{name: values}, each with what '*' says where it says nothing itself."""
    own = dict(things)
    default = own.pop("*", {})
    return {name: merged(default, values) for name, values in own.items()}


def merged(default, own):
    """`own` over `default`, mappings key by key; a '*' in them is for the mapping that it is in."""
    if not isinstance(default, dict) or not isinstance(own, dict):
        return own
    if "*" in default:
        return with_defaults({**default, **own})
    both = {key: merged(default[key], own[key]) for key in default if key in own}
    return {**{key: emptied(value) for key, value in default.items()}, **own, **both}


def emptied(value):
    """A default as it stands where nothing is said: without the pattern of what could be."""
    return {} if isinstance(value, dict) and "*" in value else value


def bring(cloud, wanted):
    """Everything that is wanted, kind by kind."""
    for kind in KINDS:
        kind.bring(cloud, with_defaults(wanted.get(kind.__name__) or {}))


def main():
    how, url = sys.argv[1:]
    wanted = json.loads(os.environ["CLOUD_THINGS"])
    try:
        account = credentials("admin", os.environ["KEYSTONE_PASSWORD"])
        session = Session(url, account, timeout=TIMEOUT)
        passwords = json.loads(os.environ.get("CLOUD_PASSWORDS", "{}"))
        bring(Cloud(session, wanted["region"], how == "check", passwords), wanted)
    except (Different, Foreign) as found:
        sys.exit(str(found))
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.url.partition('?')[0]}: {error.code}: {reason_of(error)}")
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{url}: {error}")


if __name__ == "__main__":
    main()
