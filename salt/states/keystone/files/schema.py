#!/usr/bin/python3
"""Whether keystone's database has the schema of the installed version: 0 when it has, else 1.

The question of `keystone-manage db_sync --check`, asked without loading keystone (2 s): the heads
of the two migration branches that the package ships against what the database is marked with.
"""

import configparser
import sys
import urllib.parse
from pathlib import Path

import pymysql

CONFIG = "/etc/keystone/keystone.conf"
VERSIONS = Path("/usr/lib/python3/dist-packages/keystone/common/sql/migrations/versions")
TIMEOUT = 5  # seconds


def main():
    config = configparser.RawConfigParser()
    config.read(CONFIG)
    where = urllib.parse.urlsplit(config["database"]["connection"])
    wanted = {(VERSIONS / f"{branch}_HEAD").read_text().strip() for branch in ("EXPAND", "CONTRACT")}
    try:
        with pymysql.connect(
            host=where.hostname,
            port=where.port or 3306,
            user=where.username,
            password=where.password,
            database=where.path.strip("/"),
            connect_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
        ) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT version_num FROM alembic_version")
            found = {row[0] for row in cursor.fetchall()}
    except pymysql.err.MySQLError as error:
        sys.exit(f"no schema: {error}")
    if found != wanted:
        sys.exit(f"the schema is {sorted(found)}, not {sorted(wanted)}")


if __name__ == "__main__":
    main()
