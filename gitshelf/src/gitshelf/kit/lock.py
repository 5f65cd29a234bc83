"""The lock: what each book of a kit is, exactly. Written as KIT/lock.json, read back strictly.

Standard library only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

from gitshelf.base.errors import Refused
from gitshelf.formats.gitobjects import MODES, SUBMODULE, is_id
from gitshelf.formats.pointers import Pointer

FORMAT = 1
MAX_SIZE = 8 << 20
"""The most that KIT/lock.json holds, in bytes. Read, it takes up to thirty times as much."""
REFUSE, OMIT, INCLUDE = "refuse", "omit", "include"


@dataclass(frozen=True, slots=True)
class Policies:
    """What to do with content that a plain checkout or `git archive` would change or lose.

    `refuse` fails by name, `omit` leaves the paths out and records them, `include` carries the
    bytes as they are in the repository.
    """

    submodules: str = REFUSE
    lfs: str = REFUSE
    export_ignore: str = REFUSE
    export_subst: str = REFUSE
    links: str = REFUSE

    def to_json(self) -> dict[str, str]:
        """By the names that the manifest uses."""
        return {key: getattr(self, attribute) for key, attribute in POLICY_KEYS.items()}


POLICY_KEYS = {f.name.replace("_", "-"): f.name for f in fields(Policies)}
POLICY_VALUES = {
    "submodules": (REFUSE, OMIT, INCLUDE),
    "lfs": (REFUSE, OMIT, INCLUDE),
    "export-ignore": (REFUSE, OMIT, INCLUDE),
    "export-subst": (REFUSE, OMIT, INCLUDE),
    "links": (REFUSE, OMIT),
}
POLICY_OF = {
    "submodule": "submodules",
    "lfs": "lfs",
    "export-ignore": "export_ignore",
    "export-subst": "export_subst",
    "link": "links",
}


@dataclass(frozen=True, slots=True)
class Omitted:
    """A path of a book's tree that the kit does not carry, and why (a key of POLICY_OF). Of a book
    that includes its submodules, those that its .gitmodules leaves out."""

    path: bytes
    mode: str
    id: str
    why: str


@dataclass(frozen=True, slots=True)
class LockedBook:
    """A book as the kit carries it.

    `book` is its place on the shelf, `path` the folder of the repository ("" for all of it), `tree`
    the id of that folder, `time` the commit's in seconds, `content` the SHA-256 of what is carried
    (gitobjects.content_digest), `size` the sum of the files' bytes. `irregular` are the paths whose
    mode in git is 100664. `within` is the place of the book that this one is a submodule of, `lfs`
    the pointers in whose place the kit carries the object. `url` is where it came from; it never
    enters a kit.
    """

    book: str
    commit: str
    tree: str
    path: str
    time: int
    content: str
    files: int
    size: int
    policies: Policies = field(default_factory=Policies)
    omitted: tuple[Omitted, ...] = ()
    irregular: tuple[bytes, ...] = ()
    within: str | None = None
    lfs: tuple[tuple[bytes, Pointer], ...] = ()
    url: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LockedLink:
    """A book that is a link; `link` is its target, relative to the folder it lies in."""

    book: str
    link: str


@dataclass(frozen=True, slots=True)
class Lock:
    """All books of a kit, sorted by the bytes of their places, and its other files' SHA-256."""

    books: tuple[LockedBook, ...]
    links: tuple[LockedLink, ...]
    manifest: str
    sbom: str

    @property
    def newest(self) -> int:
        """The newest commit's time, in seconds; 0 without books."""
        return max((book.time for book in self.books), default=0)

    @property
    def big(self) -> frozenset[bytes]:
        """The paths on the shelf of files that are the objects of LFS pointers."""
        return frozenset(
            raw(book.book) + b"/" + path if book.book else path
            for book in self.books
            for path, _ in book.lfs
        )

    def to_bytes(self) -> bytes:
        """The one form in which this lock is written."""
        document = {
            "format": FORMAT,
            "books": [_book(book) for book in self.books],
            "links": [{"book": link.book, "link": link.link} for link in self.links],
            "manifest.yml": {"sha256": self.manifest},
            "sbom.cdx.json": {"sha256": self.sbom},
        }
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode("ascii")


def _book(book: LockedBook) -> dict[str, object]:
    document: dict[str, object] = {
        "book": book.book,
        "commit": book.commit,
        "tree": book.tree,
        "path": book.path,
        "time": book.time,
        "content": {"sha256": book.content},
        "files": book.files,
        "bytes": book.size,
        "policies": book.policies.to_json(),
    }
    if book.omitted:
        document["omitted"] = [
            {"path": text(item.path), "mode": item.mode, "id": item.id, "why": item.why}
            for item in book.omitted
        ]
    if book.irregular:
        document["irregular"] = [text(path) for path in book.irregular]
    if book.lfs:
        document["lfs"] = [
            {"path": text(path), "sha256": pointer.oid, "bytes": pointer.size}
            for path, pointer in book.lfs
        ]
    if book.within is not None:
        document["submodule-of"] = book.within
    return document


def text(path: bytes) -> str:
    """A path as JSON holds it: bytes that are not UTF-8 become lone surrogates (PEP 383)."""
    return path.decode("utf-8", "surrogateescape")


def raw(path: str) -> bytes:
    """The bytes of a path that `text` made."""
    return path.encode("utf-8", "surrogateescape")


def parse(data: bytes) -> Lock:
    """Read KIT/lock.json. Raises Refused for anything but the exact form of format 1."""
    if len(data) > MAX_SIZE:
        raise Refused("KIT/lock.json is too big", "this is no kit, or a damaged one")
    try:
        document = json.loads(data, parse_float=_no_number, parse_constant=_no_number)
        version = document["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("KIT/lock.json cannot be read", "this is no kit, or a damaged one") from None
    if version != FORMAT:
        raise Refused(
            f"this kit has format {version!r:.20}, this gitshelf reads format {FORMAT}",
            "use the gitshelf that belongs to the kit",
        )
    try:
        lock = _parse(document)
        canonical = lock.to_bytes() == data
    except (ValueError, KeyError, TypeError, AttributeError):
        canonical = False
    if not canonical:
        raise Refused("KIT/lock.json is not in the form that gitshelf writes")
    return lock


def _no_number(written: str) -> Any:
    """A lock has whole numbers only. Raises ValueError."""
    raise ValueError(written)


def _parse(document: Any) -> Lock:
    books = tuple(_parse_book(book) for book in document["books"])
    links = tuple(LockedLink(link["book"], link["link"]) for link in document["links"])
    names = [raw(book.book) for book in books]
    link_names = [raw(link.book) for link in links if raw(link.link)]
    if names != sorted(set(names)) or link_names != sorted(set(link_names)):
        raise ValueError("order")
    if set(names) & set(link_names):
        raise ValueError("a place is taken twice")
    _check_submodules({book.book: book for book in books})
    others = (document["manifest.yml"]["sha256"], document["sbom.cdx.json"]["sha256"])
    return Lock(books, links, *others)


def _check_submodules(books: dict[str, LockedBook]) -> None:
    """Each submodule lies in a book that may have some."""
    for book in books.values():
        if book.within is None:
            continue
        parent = books[book.within]
        start = parent.book + "/" if parent.book else ""
        if not book.book.startswith(start) or book.book == start or book.path:
            raise ValueError("a submodule outside its book")
        if parent.policies.submodules != INCLUDE or len(parent.commit) != len(book.commit):
            raise ValueError("a submodule that its book cannot have")


def _parse_book(book: Any) -> LockedBook:
    policies = book["policies"]
    for key, allowed in POLICY_VALUES.items():
        if policies[key] not in allowed:
            raise ValueError(key)
    parsed = LockedBook(
        book=book["book"],
        commit=book["commit"],
        tree=book["tree"],
        path=book["path"],
        time=int(book["time"]),
        content=book["content"]["sha256"],
        files=int(book["files"]),
        size=int(book["bytes"]),
        policies=Policies(**{POLICY_KEYS[key]: policies[key] for key in POLICY_KEYS}),
        omitted=tuple(
            Omitted(raw(item["path"]), item["mode"], item["id"], item["why"])
            for item in book.get("omitted", ())
        ),
        irregular=tuple(raw(path) for path in book.get("irregular", ())),
        within=book.get("submodule-of"),
        lfs=tuple(
            (raw(item["path"]), Pointer(item["sha256"], int(item["bytes"])))
            for item in book.get("lfs", ())
        ),
    )
    raw(parsed.path)
    if not (is_id(parsed.commit) and is_id(parsed.tree)):
        raise ValueError("ids")
    for item in parsed.omitted:
        if not is_id(item.id) or item.mode not in MODES:
            raise ValueError("omitted")
        if getattr(parsed.policies, POLICY_OF[item.why]) != OMIT and not _never(item, parsed):
            raise ValueError("omitted against the policy")
    if parsed.lfs and parsed.policies.lfs != INCLUDE:
        raise ValueError("LFS objects against the policy")
    return parsed


def _never(item: Omitted, book: LockedBook) -> bool:
    """Whether it is a submodule that git itself would leave out of a book that includes them."""
    return (
        item.mode == SUBMODULE and item.why == "submodule" and book.policies.submodules == INCLUDE
    )
