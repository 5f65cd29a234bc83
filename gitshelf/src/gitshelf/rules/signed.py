"""Every commit, or the tag that names it, is signed with an SSH key that is known."""

from __future__ import annotations

from collections.abc import Iterator

from gitshelf.books import Book
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    signers = str(subject.signers(settings.signers).absolute())
    for book in subject.books:
        if book.book in settings.excepted or _signed(subject, book, signers):
            continue
        yield Finding(
            "signed",
            book.book,
            f"neither {subject.pin(book)} nor a tag on it is signed by a known key",
            "have it signed, or add its signer to the signers file",
            book.place,
        )


def _signed(subject: Subject, book: Book, signers: str) -> bool:
    # The signers file knows SSH keys; whom a GPG keyring trusts is not for a release to depend on.
    known = ("-c", f"gpg.ssh.allowedSignersFile={signers}", "-c", "gpg.program=false")
    commit, store = subject.commit(book), subject.store(book)
    if subject.git(store, *known, "verify-commit", commit).ok:
        return True
    if subject.pin(book) != commit and subject.git(store, *known, "verify-tag", book.branch).ok:
        return True
    if not book.tag:
        return False
    whole = subject.whole(book)
    name = f"refs/tags/{book.tag.removeprefix('refs/tags/')}"
    at = subject.git(whole, "rev-parse", f"{name}^{{commit}}").out.decode().strip()
    return at == commit and subject.git(whole, *known, "verify-tag", name).ok


RULE = Rule("signed", "every commit or its tag is signed by a known SSH key", _check)
