#!/usr/bin/python3
"""What the region's own APIs say, as figures for Prometheus: exporter.py CONFIG ADDRESS PORT

Whether each service of the catalogue answers, how long that takes and when its certificate ends; of
those that know agents or workers, whether each of these reported lately. The account is the one of
CONFIG's section [monitoring]. Debian's exporter lists every instance of every tenant with the
administrator's rights, and knows no agents of neutron or heat.
"""

import configparser
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import alive
from figures import Figures, serve
from session import Session, ask, configured

TIMEOUT = 15  # seconds
PATHS = {"compute": "/os-services", "network": "/v2.0/agents", "volumev3": "/os-services"}
PATHS |= {"orchestration": "/services"}


class Region:
    """The region as the account sees it; a token is kept until it is refused."""

    def __init__(self, account):
        self.account = account
        self.session = None
        self.catalogue = {}  # type -> URL; what was there last is asked for while keystone is away
        self.entering = threading.Lock()

    def enter(self):
        """A new token and the catalogue. Raises OSError, ValueError, KeyError."""
        self.session = Session(*configured(self.account), timeout=TIMEOUT)
        self.catalogue = self.session.urls

    def document(self, url):
        """What `url` answers, with a new token where the old one is refused, or there is none."""
        session = self.session
        if session is not None:
            try:
                return session.document(url)
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    raise
        with self.entering:
            if self.session is session:
                self.enter()
        return self.session.document(url)


def root(url):
    """The URL of a service without what its version and project add: it answers anybody."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def answers(url):
    """Whether a service answers at all: that it wants a token is an answer. Raises OSError."""
    try:
        ask("GET", url, timeout=TIMEOUT)
    except ValueError:  # no JSON: it is an answer, too
        return
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise


def ends(url):
    """When the certificate at `url` ends, in seconds since the epoch. Raises OSError."""
    parts = urllib.parse.urlsplit(url)
    context = ssl.create_default_context()
    with (
        socket.create_connection((parts.hostname, parts.port or 443), TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as secured,
    ):
        return ssl.cert_time_to_seconds(secured.getpeercert()["notAfter"])


def rows(kind, document):
    """(binary, host, up, enabled) of each agent or worker, the newest start of those with several."""
    path, key, is_up, stamps = alive.LISTS[kind]
    latest = {}
    for row in sorted(document[key], key=lambda row: alive.beat(row, stamps) or ""):
        latest[row["binary"], row["host"]] = row
    for (binary, host), row in sorted(latest.items()):
        enabled = row.get("status") != "disabled" and row.get("admin_state_up", True)
        yield binary, host, is_up(row), enabled


def look(region, kind, url):
    """What one service says: seconds it took (None: no answer), its certificate's end, its rows."""
    began = time.monotonic()
    try:
        if kind in PATHS:
            found = list(rows(kind, region.document(url + PATHS[kind])))
        else:
            answers(root(url))
            found = []
        took = time.monotonic() - began
    except (OSError, ValueError, KeyError) as error:
        print(f"{kind}: {url}: {error}", file=sys.stderr, flush=True)
        took, found = None, []
    try:
        end = ends(url) if url.startswith("https:") else None
    except OSError as error:
        print(f"{kind}: {url}: {error}", file=sys.stderr, flush=True)
        end = None
    return kind, took, end, found


def figures(region):
    told = Figures()
    try:
        region.enter()
        entered = 1
    except (OSError, ValueError, KeyError) as error:
        print(f"{region.account['auth_url']}: {error}", file=sys.stderr, flush=True)
        entered = 0
    told.add("openstack_login_up", entered, "Whether keystone gives the account a token.")
    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(look, region, *pair) for pair in sorted(region.catalogue.items())]
    for one in looks:
        kind, took, end, found = one.result()
        told.add("openstack_api_up", int(took is not None), "Whether it answers.", service=kind)
        if took is not None:
            told.add("openstack_api_seconds", f"{took:.3f}", "Until it answered.", service=kind)
        if end is not None:
            told.add("openstack_api_certificate_end", end, "Since the epoch.", service=kind)
        for binary, host, up, enabled in found:
            labels = {"service": kind, "binary": binary, "host": host}
            told.add("openstack_agent_up", int(up), "Whether it reported lately.", **labels)
            told.add("openstack_agent_enabled", int(enabled), "Whether it is to work.", **labels)
    return told


if __name__ == "__main__":
    config_file, address, port = sys.argv[1:]
    config = configparser.RawConfigParser()
    config.read(config_file)
    region = Region(config["monitoring"])
    serve(address, int(port), lambda: figures(region))
