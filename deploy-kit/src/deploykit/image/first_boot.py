"""What the node image runs in a cloud at each start: ask who this machine is, become that once.

Of cloud-init's document it takes what our user data has: hostname, ssh_keys, write_files, runcmd.
It goes by the instance's id, so that a copy of a disk becomes another machine. Standard library
alone, by Debian's Python.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

METADATA = "http://169.254.169.254/openstack/latest"
DENIED = "169.254.169.254/32"
FIRST_SECONDS, LATER_SECONDS = 240.0, 30.0  # that metadata may take: of a new machine, of one known
KNOWN = Path("var/lib/deploy-kit-instance")  # the id of the instance that this machine has become
SECTOR, TABLE = 512, 446


def main(root: Path = Path("/")) -> int:
    """0 if this machine is who it shall be; 1 if it could not ask: then sshd does not start."""
    known = (root / KNOWN).read_text().strip() if (root / KNOWN).is_file() else ""
    found = ask("meta_data.json", LATER_SECONDS if known else FIRST_SECONDS)
    if found is None:
        say(f"no metadata; {'it stays ' + known if known else 'it is nobody'}")
        return 0 if known else 1
    instance = json.loads(found)["uuid"]
    if instance != known:
        text = ask("user_data", LATER_SECONDS)
        if text is None:
            say("no user data")
            return 1
        grow()
        become(root, parse(text.decode()))
        (root / KNOWN).write_text(f"{instance}\n")
        say(f"instance {instance}")
    # The user data has the host key: no user of this machine is to read it.
    subprocess.run(["ip", "route", "replace", "unreachable", DENIED], check=False)
    return 0


def ask(name: str, seconds: float) -> bytes | None:
    """What metadata says under `name`; None if it does not answer in time, or has no such thing."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while True:
        try:
            with opener.open(f"{METADATA}/{name}", timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
        except OSError:
            pass
        if time.monotonic() > end:
            return None
        time.sleep(1)


def parse(text: str) -> dict[str, object]:
    """The document of our user data: JSON after a line that cloud-init wants."""
    first, _, rest = text.partition("\n")
    if first.strip() != "#cloud-config":
        raise SystemExit("deploy-kit-first-boot: the user data is not ours")
    document: dict[str, object] = json.loads(rest)
    return document


def become(root: Path, document: dict[str, object]) -> None:
    """Make this machine what the document says."""
    hostname = str(document["hostname"])
    write(root / "etc/hostname", f"{hostname}\n")
    if root == Path("/"):
        socket.sethostname(hostname)
    for key in (root / "etc/ssh").glob("ssh_host_*"):  # of whom the disk was before
        key.unlink()
    keys = document["ssh_keys"]
    assert isinstance(keys, dict)
    write(root / "etc/ssh/ssh_host_ed25519_key", keys["ed25519_private"], 0o600)
    write(root / "etc/ssh/ssh_host_ed25519_key.pub", f"{keys['ed25519_public']}\n")
    files = document.get("write_files", [])
    assert isinstance(files, list)
    for one in files:
        path = root / str(one["path"]).lstrip("/")
        write(path, one["content"], int(one["permissions"], 8))
    commands = document.get("runcmd", [])
    assert isinstance(commands, list)
    for words in commands:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            say(f"{' '.join(words)}: {done.stderr.strip()[-300:]}")


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file aside, and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as stream:
        stream.write(text)
    aside.chmod(mode)
    aside.replace(path)


def grow() -> None:
    """Let the last partition and its file system take all of the disk."""
    device = subprocess.run(
        ["findmnt", "-no", "SOURCE", "/"], capture_output=True, text=True, check=False
    ).stdout.strip()
    disk = device.rstrip("0123456789")
    if not disk.startswith("/dev/") or disk == device:
        return
    try:
        with Path(disk).open("rb+", buffering=0) as stream:
            size = stream.seek(0, os.SEEK_END) // SECTOR
            stream.seek(0)
            table = bytearray(stream.read(SECTOR))
            first = int.from_bytes(table[TABLE + 8 : TABLE + 12], "little")
            table[TABLE + 12 : TABLE + 16] = (size - first).to_bytes(4, "little")
            stream.seek(0)
            stream.write(table)
        for words in (["partx", "--update", disk], ["resize2fs", device]):
            subprocess.run(words, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"the disk was not grown: {error}")


def say(text: str) -> None:
    """To the console, where a cloud shows it, and to the journal."""
    line = f"deploy-kit-first-boot: {text}"
    print(line)
    try:
        with Path("/dev/console").open("w") as console:
            console.write(f"\r\n{line}\r\n")
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main())
