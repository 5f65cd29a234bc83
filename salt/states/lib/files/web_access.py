#!/usr/bin/python3
"""What a web server of the Prometheus family asks of those who come: web-access check|write FOLDER

FOLDER/web.yml is for its --web.config.file: TLS with FOLDER/region.certificate and region.key, and
the account `region` with the password of the environment variable WEB_PASSWORD. Only a hash of it is
written, another one each time; so `check` ends with 0 where the file is as `write` would leave it.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import bcrypt

ROUNDS = 10  # about 60 ms, once for each client: who was let in is remembered
GROUP = "prometheus"
TEXT = """\
# Written by Salt (web-access).
tls_server_config:
  cert_file: {folder}/region.certificate
  key_file: {folder}/region.key
  min_version: TLS12
basic_auth_users:
  region: {hashed}
"""


def text(folder, hashed):
    return TEXT.format(folder=folder, hashed=hashed)


def fits(folder, found, password):
    """Whether `found`, the text of a file, lets `password` in and says nothing else."""
    held = re.search(r"^  region: (\S+)$", found, re.M)
    return bool(
        held
        and found == text(folder, held[1])
        and bcrypt.checkpw(password.encode(), held[1].encode())
    )


def write(folder, password):
    """Put the file in place as a whole, for root and the servers' group alone."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(ROUNDS)).decode()
    aside = folder / ".web.yml"
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as file:
        file.write(text(folder, hashed))
    shutil.chown(aside, "root", GROUP)
    aside.rename(folder / "web.yml")


def main():
    how, folder = sys.argv[1], Path(sys.argv[2])
    password = os.environ["WEB_PASSWORD"]
    if how == "write":
        return write(folder, password)
    try:
        found = (folder / "web.yml").read_text()
    except FileNotFoundError:
        sys.exit(f"{folder}/web.yml: missing")
    if not fits(folder, found, password):
        sys.exit(f"{folder}/web.yml: not as wanted, or another password's")


if __name__ == "__main__":
    main()
