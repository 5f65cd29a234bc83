from __future__ import annotations

import itertools
import subprocess

import pytest
from deploykit.mirror.changelogs import Entry, closed_since, parse_changelog
from deploykit.mirror.versions import version_order

VERSIONS = (
    "0~20200120", "1.0~~", "1.0~rc1-1", "1.0~", "1.0", "1.0-0", "1.0-1~bpo1", "1.0-1", "1.0-1+b1",
    "1.0a", "1.0+b1", "1.0.1", "1.", "1.a", "2.36-9+deb12u9", "2.36-9+deb12u14", "1:0.9",
)  # fmt: skip

CHANGELOG = """\
openssl (3.0.17-1~deb12u3) bookworm-security; urgency=medium

  * CVE-2025-9230 and CVE-2025-15467 (Out-of-bounds read). Closes DSA-6015-1.

 -- A <a@example.org>  Tue, 30 Sep 2025 20:16:31 +0200

openssl (3.0.17-1~deb12u2) bookworm; urgency=medium

  * Go on with what CVE-2024-13176 left, for CVE-2020-0001 (too).

 -- A <a@example.org>  Sat, 16 Aug 2025 22:33:20 +0200

openssl (3.0.16-1) unstable; urgency=medium

  * First mention of CVE-2024-13176.

 -- A <a@example.org>  Tue, 11 Feb 2025 22:00:00 +0100
"""


def test_versions_of_any_kind_are_ordered_as_dpkg_orders_them() -> None:
    pairs = list(itertools.combinations(VERSIONS, 2))
    script = "for pair; do dpkg --compare-versions ${pair% *} lt ${pair#* }; echo $?; done"
    words = ["sh", "-c", script, "sh", *(f"{one} {other}" for one, other in pairs)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=100).stdout
    for (one, other), status in zip(pairs, said.split(), strict=True):
        assert (version_order(one) < version_order(other)) == (status == "0"), (one, other)


def test_changelog_is_entries_with_what_each_closes() -> None:
    assert parse_changelog(CHANGELOG) == (
        Entry("3.0.17-1~deb12u3", ("CVE-2025-9230", "CVE-2025-15467", "DSA-6015-1")),
        Entry("3.0.17-1~deb12u2", ("CVE-2020-0001", "CVE-2024-13176")),
        Entry("3.0.16-1", ("CVE-2024-13176",)),
    )


@pytest.mark.parametrize(
    ("old", "closes"),
    [
        ("3.0.17-1~deb12u2", ("CVE-2025-9230", "CVE-2025-15467", "DSA-6015-1")),
        ("3.0.16-1", ("CVE-2020-0001", "CVE-2025-9230", "CVE-2025-15467", "DSA-6015-1")),
        ("3.0.17-1~deb12u3", ()),
        ("4.0", ()),
    ],
)
def test_what_is_closed_since_a_version_leaves_out_what_was_closed_before(
    old: str, closes: tuple[str, ...]
) -> None:
    assert closed_since(parse_changelog(CHANGELOG), old) == closes
