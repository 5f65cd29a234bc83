"""Hypothesis strategies: any paths and contents that a git tree may have."""

from __future__ import annotations

from hypothesis import strategies as st

_names = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.text(min_size=1, max_size=6).map(lambda name: name.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"a", b"b", b"-x", b"new\nline", b"\xff\xfe", b" ", b"KIT", b"n" * 255, b"\xc3\xa9" * 60,
         b"a" * 101, b".gitattributes", b".gitmodules", b"LICENSE", b"~", b"tab\t", b"\\", b"*"]
    ),
)  # fmt: skip


_usable = _names.filter(
    lambda name: name not in (b".", b"..") and not set(name) & {0, 0x2F} and len(name) < 256
).filter(lambda name: not name.lower().startswith((b".git\0", b"git~")) and name.lower() != b".git")
paths = st.lists(_usable, min_size=1, max_size=12).map(b"/".join)
_attributes = st.lists(
    st.sampled_from(
        [b"* export-ignore\n", b"a export-subst\n", b"* eol=crlf ident\n", b"* filter=lfs\n",
         b"[attr]x export-ignore\n* x\n", b"\"a b\" text\n", b"* -export-ignore\n", b"\xff\n",
         b"**/b/** export-ignore\n", b"!a export-ignore\n", b"*\n"]
    ),
    max_size=4,
).map(b"".join)  # fmt: skip
contents = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"x" * 511, b"x" * 512, b"x" * 513, b"$Id$ $Format:%H$\r\n"]),
    _attributes,
    st.just(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"),
)
targets = st.one_of(paths, st.lists(st.sampled_from([b"..", b"a", b"b", b"."])).map(b"/".join))
