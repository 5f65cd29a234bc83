#!/usr/bin/python3
"""Whether nova's map of cells is as its configuration says: nova-cells check|name|hosts

check: cell0 and cell1 are there, and cell1 is where nova.conf says; name: prints the UUID of cell1,
nothing where there is none; hosts: every hypervisor of cell1 is known to the map. Ends with 0 when
it is so, else with 1 and the reason, which quotes no URL.
"""

import configparser
import sys
import urllib.parse

import pymysql

CONFIG = "/etc/nova/nova.conf"
TIMEOUT = 5  # seconds
CELL0 = "00000000-0000-0000-0000-000000000000"


def rows(connection, query):
    """The rows of one query on the database of a connection URL."""
    where = urllib.parse.urlsplit(connection)
    authority = urllib.parse.parse_qs(where.query).get("ssl_ca")
    with pymysql.connect(
        host=where.hostname,
        port=where.port or 3306,
        user=where.username,
        password=urllib.parse.unquote(where.password),
        database=where.path.strip("/"),
        ssl={"ca": authority[0]} if authority else None,
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
    ) as open_connection, open_connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def cells(config):
    """Name, UUID, message broker and database of every cell."""
    query = "SELECT name, uuid, transport_url, database_connection FROM cell_mappings"
    return {row[0]: row[1:] for row in rows(config["api_database"]["connection"], query)}


def check(config):
    found = cells(config)
    if found.get("cell0", [None])[0] != CELL0:
        sys.exit("there is no cell0")
    wanted = (config["DEFAULT"]["transport_url"], config["database"]["connection"])
    if "cell1" not in found or found["cell1"][1:] != wanted:
        sys.exit("cell1 is not what nova.conf says")


def name(config):
    print(cells(config).get("cell1", [""])[0])


def hosts(config):
    hypervisors = "SELECT host FROM compute_nodes WHERE deleted = 0 AND mapped = 0"
    unknown = [row[0] for row in rows(config["database"]["connection"], hypervisors)]
    if unknown:
        sys.exit(f"not in the map: {', '.join(sorted(unknown))}")


def main():
    config = configparser.RawConfigParser(strict=False)
    config.read(CONFIG)
    try:
        {"check": check, "name": name, "hosts": hosts}[sys.argv[1]](config)
    except pymysql.err.MySQLError as error:
        sys.exit(f"the database does not answer: {error.args[0]}")


if __name__ == "__main__":
    main()
