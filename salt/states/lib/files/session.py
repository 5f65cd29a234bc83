"""The region's API as one account: how every tool of the region's logs in, and asks.

Tools on nodes import it from /usr/local/lib/region (component `trust`), those on the Salt master from
the kit. Standard library only.
"""

import json
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 30  # seconds for one request
DEFAULT = {"id": "default"}  # the domain that keystone begins with
MARK = "Made by the content of the region {}"  # the description of what the content makes


def ask(method, url, body=None, headers=(), timeout=TIMEOUT, trust=None):
    """(headers, document) of one request; {} without a text. Raises OSError, ValueError.

    An HTTPError is an OSError; `reason_of` says what it says.
    """
    more = {"Content-Type": "application/json", **dict(headers)}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, more, method=method)
    with urllib.request.urlopen(request, timeout=timeout, context=trust) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else {}


def reason_of(error):
    """What an HTTPError says, in words: the message of OpenStack's document, or its text."""
    text = error.read(2000).decode("utf-8", "replace")
    try:
        (inner,) = json.loads(text).values()
        return str(inner["message"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return text.strip() or str(error.reason)


def credentials(user, password, project="admin", domains=(DEFAULT, DEFAULT)):
    """What keystone asks of `user` who works in `project`; `domains` are theirs, in this order."""
    account = {"name": user, "password": password, "domain": domains[0]}
    scope = {"project": {"name": project, "domain": domains[1]}}
    identity = {"methods": ["password"], "password": {"user": account}}
    return {"auth": {"identity": identity, "scope": scope}}


def configured(section):
    """(URL of identity up to /v3, credentials) of a section that keystoneauth reads."""
    domains = [{"name": section[f"{whose}_domain_name"]} for whose in ("user", "project")]
    url = section["auth_url"].rstrip("/").removesuffix("/v3") + "/v3"
    account = credentials(
        section["username"], section["password"], section["project_name"], domains
    )
    return url, account


class Session:
    """Logged in at `url` (identity's, up to /v3) with `account`, of `credentials`.

    `project` is the id of the account's, `catalogue` keystone's, `urls` by type those that services use. Raises OSError, ValueError or
    KeyError where no token is had.
    """

    def __init__(self, url, account, timeout=TIMEOUT, trust=None):
        self._timeout, self._trust = timeout, trust
        path = url.rstrip("/") + "/auth/tokens"
        headers, document = ask("POST", path, account, timeout=timeout, trust=trust)
        self.token = headers["X-Subject-Token"]
        self.project = document["token"].get("project", {}).get("id")
        self.catalogue = document["token"].get("catalog", [])
        self.urls = {
            service["type"]: endpoint["url"].rstrip("/")
            for service in self.catalogue
            for endpoint in service["endpoints"]
            if endpoint["interface"] == "internal"
        }

    def has(self, service):
        """Whether the region offers a service of that type."""
        return service in self.urls

    def document(self, url):
        """What a URL answers to a GET. Raises OSError, ValueError."""
        return self._send("GET", url)

    def get(self, service, path, headers=(), **query):
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self._send("GET", self.urls[service] + path + words, headers=headers)

    def post(self, service, path, body, headers=()):
        return self._send("POST", self.urls[service] + path, body, headers)

    def put(self, service, path, body, headers=()):
        return self._send("PUT", self.urls[service] + path, body, headers)

    def patch(self, service, path, body, headers=()):
        return self._send("PATCH", self.urls[service] + path, body, headers)

    def delete(self, service, path, headers=()):
        self._send("DELETE", self.urls[service] + path, headers=headers)

    def _send(self, method, url, body=None, headers=()):
        own = {"X-Auth-Token": self.token, **dict(headers)}
        return ask(method, url, body, own, self._timeout, self._trust)[1]
