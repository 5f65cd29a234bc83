"""GnuPG, in homes of its own: the key that a site signs its packages with, and keyrings of sources.

No key has a passphrase, as SSH keys of a site have none: who can read the state folder is the site.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploykit.base import files
from deploykit.base.errors import InputError
from deploykit.base.process import Runner, run
from deploykit.mirror.sources import Source

TIMEOUT = 300.0  # seconds
ARMOUR = "-----BEGIN PGP"
FINGERPRINT = re.compile(r"^fpr:+([0-9A-F]{40}):", re.MULTILINE)
WANTED = """\
%no-protection
Key-Type: EDDSA
Key-Curve: ed25519
Key-Usage: sign
Name-Real: packages of {name}
Expire-Date: 0
%commit
"""
TRUSTED = (Path("/etc/apt/trusted.gpg.d"), Path("/usr/share/keyrings/debian-archive-keyring.gpg"))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key of a site's packages: GnuPG's home with it, and the public one, armoured."""

    home: Path
    fingerprint: str
    public: str


@contextmanager
def gpg_home(folder: Path) -> Iterator[Path]:
    """`folder` as a home of GnuPG under a short name; no agent of it lives on afterwards.

    The agent's socket lies in the home, and the path of a socket has 107 bytes at most.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="gpg-") as short:
        home = Path(short) / "home"
        home.symlink_to(folder.resolve())
        try:
            yield home
        finally:
            run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], timeout=TIMEOUT, check=False)


def signing_key(folder: Path, name: str, runner: Runner = run) -> SigningKey:
    """The key in `folder`, made for `name` at the first call."""
    with gpg_home(folder) as home:

        def gpg(*words: str, said: str | None = None) -> str:
            argv: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--quiet", *words]
            return runner(argv, timeout=TIMEOUT, env={"LC_ALL": "C.UTF-8"}, input=said).stdout

        listing = ("--list-keys", "--with-colons")
        found = FINGERPRINT.search(gpg(*listing))
        if found is None:
            gpg("--generate-key", said=WANTED.format(name=name))
            found = FINGERPRINT.search(gpg(*listing))
        if found is None:
            raise InputError(f"{folder}: GnuPG made no key there", "remove it and run this again")
        return SigningKey(folder, found[1], gpg("--armor", "--export", found[1]))


def write_keyrings(source: Source, folder: Path, runner: Runner = run) -> tuple[Path, ...]:
    """The keyrings that the source's signature is checked with, in the form that gpgv takes.

    Raises InputError where the source names a key that is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if ARMOUR in source.signed_by:
        lines = (line.strip() for line in source.signed_by.strip().splitlines())
        text = "".join(f"{'' if line == '.' else line}\n" for line in lines)
        return (_dearmoured(text, folder / f"{source.suite}.gpg", runner),)
    named = [Path(word) for word in source.signed_by.replace(",", " ").split()]
    for file in named:
        if not file.is_absolute() or not file.is_file():
            raise InputError(
                f"{source.uri} {source.suite}: there is no keyring {file}",
                "name the file of a key in Signed-By, or write the key there",
            )
    found = named or [
        file
        for place in TRUSTED
        for file in (sorted(place.glob("*")) if place.is_dir() else [place])
        if file.suffix in (".gpg", ".asc") and file.is_file()
    ]
    return tuple(_binary(file, folder, runner) for file in found)


def _binary(file: Path, folder: Path, runner: Runner) -> Path:
    data = file.read_bytes()
    if not data.startswith(ARMOUR.encode()):
        return file
    return _dearmoured(data.decode("ascii", "replace"), folder / f"{file.stem}.gpg", runner)


def _dearmoured(text: str, target: Path, runner: Runner) -> Path:
    with files.replacing(target) as aside, gpg_home(target.parent / "home") as home:
        words: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--quiet"]
        runner([*words, "--output", aside, "--dearmor"], timeout=TIMEOUT, input=text)
    return target
