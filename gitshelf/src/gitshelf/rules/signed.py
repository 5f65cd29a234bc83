"""Every commit, or the tag that names it, is signed with a key that is known: an SSH key of an
allowed-signers file, or an OpenPGP key of a file of public keys.

What a signature is worth depends on these files alone: on no keyring, no trust database and no
certificate of the machine that asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gitshelf import git
from gitshelf.base import process
from gitshelf.base.errors import GitshelfError
from gitshelf.cache import Store
from gitshelf.manifest.books import Book
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


@dataclass(frozen=True, slots=True)
class _KnownKeys:
    """What git needs to know the keys: options and environment."""

    options: tuple[str, ...]
    env: dict[str, str]


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    signers, keys = subject.signers(settings.signers), subject.keys(settings.keys)
    if signers is None and keys is None:
        raise GitshelfError(
            "who may sign is not said",
            "give --signers FILE (SSH) or --keys FILE (OpenPGP), or write them under the rule",
        )
    with _known_keys(signers, keys) as known_keys:
        for book in subject.books:
            if book.place in settings.excepted or _is_signed(subject, book, known_keys):
                continue
            yield Finding(
                "signed",
                book.place,
                f"neither {subject.pin(book)} nor a tag on it is signed by a known key",
                "have it signed, or add its signer to the file of signers or keys",
                book.at,
            )


@contextmanager
def _known_keys(signers: Path | None, keys: Path | None) -> Iterator[_KnownKeys]:
    programs = {"gpg.x509.program": "false", "gpg.program": "gpg" if keys else "false"}
    programs |= {
        "gpg.ssh.allowedSignersFile": str(signers or "/dev/null"),
        # All keys of the keyring below are trusted alike, and no trust is recorded for any.
        "gpg.minTrustLevel": "undefined",
    }
    options = tuple(word for pair in programs.items() for word in ("-c", "=".join(pair)))
    if keys is None:
        yield _KnownKeys(options, {})
        return
    with TemporaryDirectory(prefix="gitshelf-") as home:
        env = {"GNUPGHOME": home}
        result = process.run(
            ["gpg", "--batch", "--quiet", "--no-autostart", "--import", str(keys)],
            timeout=git.LOCAL_TIMEOUT,
            env=git.environment() | env,
        )
        if not result.ok:
            raise GitshelfError(
                f"{keys} holds no OpenPGP keys that gpg can read ({git.last_line(result.err)})",
                "write it with: gpg --armor --export KEY... > FILE",
            )
        yield _KnownKeys(options, env)


def _is_signed(subject: Subject, book: Book, known_keys: _KnownKeys) -> bool:
    def verifies(store: Store, *verification: str) -> bool:
        return subject.git(store, *known_keys.options, *verification, extra_env=known_keys.env).ok

    commit, store = subject.commit(book), subject.store(book)
    if verifies(store, "verify-commit", commit):
        return True
    if subject.pin(book) != commit and verifies(store, "verify-tag", book.branch):
        return True
    if not book.tag:
        return False
    whole = subject.whole_store(book)
    name = f"refs/tags/{book.tag.removeprefix('refs/tags/')}"
    at = subject.git(whole, "rev-parse", f"{name}^{{commit}}").out.decode().strip()
    return at == commit and verifies(whole, "verify-tag", name)


RULE = Rule("signed", "every commit or its tag is signed by a known key", _check)
