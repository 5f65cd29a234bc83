"""The ways a kit travels: plain tar, gzip (RFC 1952), Zstandard (RFC 8878).

Compression is transport: the digest of a release is taken over the tar inside. Standard library
only, but for Zstandard, whose module is imported when it is met.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from gitshelf.base.errors import GitshelfError, Refused

if TYPE_CHECKING:
    from hashlib import _Hash

    from gitshelf.formats.tarreader import Source

SUFFIXES = (".tar", ".tar.gz", ".tar.zst")
_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PIECE = 1 << 20
_ZSTD_LEVEL = 9
_ZSTD_WINDOW = 32 << 20  # bytes of memory; level 9 asks for 4 MiB, 19 for 8 MiB
_ZSTD_START = 18  # bytes: no frame's header is longer, and no kit is shorter


class Sink(Protocol):
    """Where the bytes of a tar go."""

    def write(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


def suffix(path: Path) -> str:
    """The suffix that says how `path` is compressed.

    Raises GitshelfError for a name that has none of them.
    """
    for known in reversed(SUFFIXES):
        if path.name.endswith(known) and path.name != known:
            return known
    raise GitshelfError(
        f"{path.name}: the name does not say what kind of kit it is",
        "end it in " + ", ".join(SUFFIXES),
    )


def compressor(raw: BinaryIO, kind: str) -> Sink:
    """What takes a tar and writes it to `raw` as `kind`, a suffix; `close` leaves `raw` open."""
    if kind == ".tar.gz":
        return _Gzip(raw)
    if kind == ".tar.zst":
        return _Zstd(raw)
    return _Plain(raw)


class _Plain:
    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._raw.write(view) :]

    def close(self) -> None:
        pass


class _Gzip(_Plain):
    """One member without a time or a name, so that equal tars give equal files."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__(raw)
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        self._crc = self._size = 0
        super().write(_GZIP)

    def write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)
        super().write(self._deflate.compress(data))

    def close(self) -> None:
        tail = self._crc.to_bytes(4, "little") + (self._size % 2**32).to_bytes(4, "little")
        super().write(self._deflate.flush() + tail)


class _Zstd(_Plain):
    def __init__(self, raw: BinaryIO) -> None:
        import zstandard

        super().__init__(raw)
        self._frame = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compressobj()

    def write(self, data: bytes) -> None:
        super().write(self._frame.compress(data))

    def close(self) -> None:
        super().write(self._frame.flush())


@contextmanager
def open_tar(path: Path, file_sum: _Hash | None = None) -> Iterator[Source]:
    """The tar inside `path`, by what the file starts with. What is read of a compressed file is
    added to `file_sum`: all of it, once the tar has ended.

    Raises GitshelfError if the file cannot be read, Refused if the compression is damaged.
    """
    try:
        raw = path.open("rb", buffering=0)
    except OSError as error:
        raise GitshelfError(f"{path}: {error.strerror}", "name a kit that can be read") from None
    with raw:
        try:
            magic = raw.read(4)
            raw.seek(0)
        except OSError as error:
            raise GitshelfError(f"{path}: {error.strerror}", "name a kit") from None
        packed = _Summed(raw, file_sum) if file_sum else raw
        if magic.startswith(_GZIP_MAGIC):
            yield _Gunzip(packed)
        elif magic == _ZSTD_MAGIC:
            yield _Unzstd(packed)
        else:
            yield raw


def is_plain(source: Source) -> bool:
    """Whether the tar of `open_tar` is the file itself."""
    return isinstance(source, io.FileIO)


class _Summed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, raw: io.FileIO, file_sum: _Hash) -> None:
        self._raw = raw
        self._sum = file_sum

    def read(self, size: int, /) -> bytes:
        data = self._raw.read(size)
        self._sum.update(data)
        return data


class _Gunzip:
    """Reads exactly one member of the form that `_Gzip` writes, and nothing behind it."""

    def __init__(self, raw: Source) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj(-15)
        self._pending = b""
        self._crc = self._size = 0
        self._done = False
        if raw.read(len(_GZIP)) != _GZIP:
            raise Refused("the gzip header is not one that gitshelf writes")

    def read(self, size: int, /) -> bytes:
        while not self._done:
            data = self._pending or self._raw.read(_PIECE)
            try:
                piece = self._inflate.decompress(data, size)
            except zlib.error as error:
                raise Refused(f"the compressed data is damaged: {error}") from None
            self._pending = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._done = True
            elif not data and not piece:
                raise Refused("the compressed data ends too early", "get the kit again")
            self._crc = zlib.crc32(piece, self._crc)
            self._size += len(piece)
            if self._done:
                self._end()
            if piece:
                return piece
        return b""

    def _end(self) -> None:
        tail = self._inflate.unused_data + self._raw.read(9)
        expected = self._crc.to_bytes(4, "little") + (self._size % 2**32).to_bytes(4, "little")
        if tail != expected:
            raise Refused("the compressed data does not end with its own checksum")


class _Unzstd:
    """Reads exactly one frame, and nothing behind it.

    It goes from block to block (RFC 8878, 3.1.1.2): the decoder expands at once all that it is
    given at once, and four bytes may stand for 128 KiB. A block holds no more than that.
    """

    def __init__(self, raw: Source) -> None:
        try:
            import zstandard
        except ImportError:
            raise GitshelfError(
                "this kit is compressed with Zstandard, which this Python cannot read",
                "use the .tar or .tar.gz form here, or install the package zstandard",
            ) from None
        self._raw = raw
        self._error: type[Exception] = zstandard.ZstdError
        # Bytes that were read and that no block was made of yet.
        self._ahead = b""
        start = self._take(_ZSTD_START)
        try:
            about = zstandard.get_frame_parameters(start)
            size = zstandard.frame_header_size(start)
        except zstandard.ZstdError as error:
            raise Refused(f"the compressed data is damaged: {error}") from None
        self._ahead = start[size:] + self._ahead
        self._checksum = 4 if about.has_checksum else 0
        unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = unpacker.decompressobj()
        self._ready = memoryview(self._expand(start[:size]))
        self._ended = False

    def read(self, size: int, /) -> bytes:
        while not self._ready:
            if self._ended:
                return b""
            self._ready = memoryview(self._block())
        piece = self._ready[:size]
        self._ready = self._ready[size:]
        return bytes(piece)

    def _block(self) -> bytes:
        header = self._take(3)
        number = int.from_bytes(header, "little")
        is_last, is_repeated, size = number & 1, number >> 1 & 3 == 1, number >> 3
        data = header + self._take(1 if is_repeated else size)
        if is_last:
            data += self._take(self._checksum)
            self._ended = True
            if self._ahead or self._raw.read(1):
                raise Refused("something follows the end of the compressed data")
        expanded = self._expand(data)
        if is_last and not self._frame.eof:
            raise Refused("the compressed data is damaged")
        return expanded

    def _expand(self, data: bytes) -> bytes:
        try:
            return self._frame.decompress(data)
        except self._error as error:
            raise Refused(f"the compressed data is damaged: {error}") from None

    def _take(self, size: int) -> bytes:
        while len(self._ahead) < size:
            more = self._raw.read(_PIECE)
            if not more:
                raise Refused("the compressed data ends too early", "get the kit again")
            self._ahead += more
        taken, self._ahead = self._ahead[:size], self._ahead[size:]
        return taken
