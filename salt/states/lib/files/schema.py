#!/usr/bin/python3
"""Whether a database has the schema of the installed version: 0 when it has, else 1 and why.

    schema CONFIG SECTION VERSIONS [DATABASE]

CONFIG's [SECTION] connection names the database (DATABASE: another one beside it), VERSIONS is the
folder of the Alembic revisions that the package ships, or the wanted revisions themselves,
separated by commas. A file of revisions (EXPAND_HEAD): those are there, others may be, too; `any`:
some are. Answers what `... db_sync --check` answers,
without loading the service's code (2 to 4 s). The heads are in HEAD files where the package has
them, else they are the revisions that no other one builds on. Files NNN_NAME.py are those of
sqlalchemy-migrate: the greatest number counts.
"""

import configparser
import re
import sys
import urllib.parse
from pathlib import Path

import pymysql

TIMEOUT = 5  # seconds
REVISION = re.compile(r"^revision\s*=\s*['\"](\w+)['\"]", re.M)
NUMBERED = re.compile(r"^(\d{3})_\w+\.py$")
BELOW = re.compile(r"^(?:down_revision|depends_on)\s*=\s*(.*)$", re.M)


def heads(versions):
    """The revisions that a database of the installed version is marked with; those in a file."""
    if versions.is_file():
        return set(versions.read_text().split())
    files = list(versions.glob("*HEAD")) or list(versions.glob("HEADS"))
    if files:
        return {word for file in files for word in file.read_text().split()}
    numbers = [int(match[1]) for file in versions.iterdir() if (match := NUMBERED.match(file.name))]
    if numbers:
        return {str(max(numbers))}
    found, below = set(), set()
    for file in versions.rglob("*.py"):
        text = file.read_text()
        found.update(REVISION.findall(text))
        for line in BELOW.findall(text):
            below.update(re.findall(r"['\"](\w+)['\"]", line))
    return found - below


def marks(connection, database, wanted):
    """The revisions that the database is marked with. Raises MySQLError where it has none.

    A number is `wanted` where sqlalchemy-migrate marks it.
    """
    numbered = all(word.isdecimal() and len(word) < 4 for word in wanted)
    column = "version FROM migrate_version" if numbered else "version_num FROM alembic_version"
    where = urllib.parse.urlsplit(connection)
    authority = urllib.parse.parse_qs(where.query).get("ssl_ca")
    with (
        pymysql.connect(
            host=where.hostname,
            port=where.port or 3306,
            user=where.username,
            password=urllib.parse.unquote(where.password),
            database=database or where.path.strip("/"),
            ssl={"ca": authority[0]} if authority else None,
            connect_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
        ) as open_connection,
        open_connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT {column}")
        return {str(row[0]) for row in cursor.fetchall()}


def fits(found, wanted, versions):
    """Whether the revisions `found` are the `wanted` ones, as `versions` asks for them."""
    if versions == "any":
        return bool(found)
    if versions.startswith("/") and Path(versions).is_file():
        return wanted <= found
    return found == wanted


def main():
    config_file, section, versions, *database = sys.argv[1:]
    config = configparser.RawConfigParser(strict=False)
    config.read(config_file)
    wanted = heads(Path(versions)) if versions.startswith("/") else set(versions.split(","))
    try:
        found = marks(config[section]["connection"], (database or [""])[0], wanted)
    except pymysql.err.MySQLError as error:
        sys.exit(f"no schema: {error.args[0]}")
    if not fits(found, wanted, versions):
        sys.exit(f"the schema is {sorted(found)}, not {sorted(wanted)}")


if __name__ == "__main__":
    main()
