"""No private keys or tokens in any book, nor in submodules and LFS objects that it includes.

What is found is named by place, never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from gitshelf.formats.tar import printable
from gitshelf.rules.contents import contents, walk
from gitshelf.rules.model import Finding, Rule, Settings
from gitshelf.rules.subject import Subject

_OVERLAP = 4096
# The forms are those that the issuers document for their own scanners.
FORMS = {
    "a private key": rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:\s|\\[rn]|[A-Za-z-]+: [^\n]*\n)+[A-Za-z0-9+/=]{24}",
    "an AWS access key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})",
    "a GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20}",
    "a Slack token": rb"\bxox[abprs]-[0-9]{8,}-[A-Za-z0-9-]{10,}",
    "a Google API key": rb"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Vault token": rb"\bhvs\.[A-Za-z0-9_-]{24}",
    "an npm token": rb"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": rb"\bpypi-AgEI[A-Za-z0-9_-]{50}",
    "an age key": rb"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b",
}
_ANY = re.compile(b"|".join(b"(%b)" % form for form in FORMS.values()))
_HINT = re.compile(
    rb"PRIVATE KEY|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AIza|hvs\.|npm_|pypi-|AGE-S"
)


def _check(subject: Subject, settings: Settings) -> Iterator[Finding]:
    for book, reader, items in walk(subject, settings.excepted):
        for name, content in contents(subject, book, reader, items):
            for kind, line in sorted(set(scan(content))):
                path = printable(name)
                place = f"{book.place}/{path}" if book.place else path
                if not any(fnmatchcase(place, glob) for glob in settings.allow):
                    yield Finding(
                        "secrets",
                        book.place,
                        f"{path} has {kind} in line {line}",
                        "revoke it and take it out, or list the path under `allow`",
                        book.at,
                    )


def scan(pieces: Iterator[bytes]) -> Iterator[tuple[str, int]]:
    """Kind and line of each secret in a content that comes in pieces."""
    overlap, line = b"", 1
    for piece in pieces:
        data = overlap + piece
        if _HINT.search(data):
            for match in _ANY.finditer(data):
                kind = list(FORMS)[(match.lastindex or 1) - 1]
                yield kind, line + data.count(b"\n", 0, match.start())
        overlap = data[-_OVERLAP:]
        line += data.count(b"\n", 0, len(data) - len(overlap))


RULE = Rule("secrets", "no private keys and tokens in any book", _check)
