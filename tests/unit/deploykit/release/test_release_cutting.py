from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import InputError
from deploykit.ledger import Ledger
from deploykit.ledger.view import signers_in_force
from deploykit.release import (
    Release,
    Unbuilt,
    cutting,
    find_release,
    manifests,
    named_release,
    releases,
)
from deploykit.release.cutting import Cut, next_version, uncommitted
from deploykit.site import Site
from deploykit.site.keys import allowed_signers, principal_of
from gitshelf.base.errors import GitshelfError, Refused

DAY = date(2026, 11, 21)
KIT_FILES = {"kit.tar", "kit.tar.provenance.json", "SHA256SUMS", "SHA256SUMS.sig"}


def cut(site: Site, **more: Any) -> Cut:
    return cutting.cut(site, Ledger.open(site), **more)


def build_release(site: Site, found: Release | Unbuilt) -> Release:
    return cutting.build_release(site, Ledger.open(site), found)


def signers(checkout: Any) -> str:
    records = Ledger.open(checkout.site).known
    return allowed_signers(signers_in_force(records), role="release-manager")


def test_cut_pins_every_book_and_leaves_the_clone_alone(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    head = checkout.git("rev-parse", "HEAD")
    done = cut(checkout.site, commit=False, today=DAY)
    assert done.new and not done.committed and done.release.version == "2026.47.1"
    assert done.release.manifest.parent == checkout.site.pins
    assert done.release.manifest.read_text().count(head) == 2
    assert {file.name for file in done.release.folder.iterdir()} == KIT_FILES
    assert checkout.git("status", "--porcelain") == ""
    assert checkout.git("rev-parse", "HEAD") == head


def test_cut_commits_exactly_the_pins(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    (checkout.folder / "salt" / "other.sls").write_text("x: 1\n")
    (checkout.folder / "ansible" / "site.yml").write_text("[1]\n")
    checkout.git("add", "salt/other.sls")
    done = cut(checkout.site, commit=True, today=DAY)
    assert done.committed
    changed = checkout.git("show", "--name-only", "--format=%s", "HEAD").split()
    assert changed == ["Release", "2026.47.1", "deploy-kit/releases/2026.47.1.yml"]
    left = checkout.git("status", "--porcelain").split("\n")
    assert [line.strip() for line in left] == ["M ansible/site.yml", "A  salt/other.sls"]
    assert uncommitted(checkout.site) == ["ansible/site.yml", "salt/other.sls"]


@pytest.mark.parametrize("commit", [True, False])
def test_same_pins_are_the_same_release_at_once(checkout_with_site: Any, commit: bool) -> None:
    site = checkout_with_site.site
    first = cut(site, commit=commit, today=DAY)
    again = cut(site, commit=commit, today=DAY)
    assert not again.new and again.release == first.release
    assert list(manifests(site)) == ["2026.47.1"]


def test_changed_state_is_the_next_release(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    first = cut(checkout.site, commit=True, today=DAY).release
    checkout.change("other: 1\n")
    second = cut(checkout.site, commit=True, today=DAY).release
    assert (first.version, second.version) == ("2026.47.1", "2026.47.2")
    assert first.digest != second.digest
    assert [one.version for one in releases(checkout.site)] == ["2026.47.1", "2026.47.2"]


def test_commit_that_is_missing_after_a_kill_is_made_by_the_next_cut(
    checkout_with_site: Any,
) -> None:
    checkout = checkout_with_site
    done = cut(checkout.site, commit=True, today=DAY)
    checkout.git("reset", "-q", "--soft", "HEAD~1")
    checkout.git("reset", "-q")
    again = cut(checkout.site, commit=True, today=DAY)
    assert again.committed and not again.new and again.release == done.release
    assert checkout.git("status", "--porcelain") == ""


def test_kit_is_built_again_from_its_pins_where_the_store_lost_it(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    first = cut(checkout.site, commit=False, today=DAY).release
    checkout.change("other: 1\n")
    for file in first.folder.iterdir():
        file.unlink()
    assert releases(checkout.site) == ()
    found = find_release(checkout.site, first.version)
    assert build_release(checkout.site, found) == first
    first.verify(signers(checkout))


def test_what_killed_cuts_left_is_swept_and_never_a_release(checkout_with_site: Any) -> None:
    site = checkout_with_site.site
    left = site.kits / ".new-killed" / "release"
    left.mkdir(parents=True)
    (left / "kit.tar").write_bytes(b"half")
    assert releases(site) == ()
    cut(site, commit=False, today=DAY)
    assert not left.exists() and len(releases(site)) == 1


def test_release_is_proven_by_us_and_by_plain_tools(
    checkout_with_site: Any, tmp_path: Path
) -> None:
    release = cut(checkout_with_site.site, commit=False, today=DAY).release
    known = signers(checkout_with_site)
    proven = release.verify(known)
    assert proven.digest == release.hex
    assert proven.signer == principal_of("release-manager")
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=release.folder, check=True)
    file = tmp_path / "signers"
    file.write_text(known)
    words = ["ssh-keygen", "-Y", "verify", "-f", file, "-I", proven.signer, "-n", "gitshelf-kit"]
    subprocess.run(
        [*words, "-s", release.folder / "SHA256SUMS.sig"],
        input=(release.folder / "SHA256SUMS").read_bytes(),
        check=True,
    )


def test_changed_kit_and_unknown_signer_are_refused(checkout_with_site: Any) -> None:
    release = cut(checkout_with_site.site, commit=False, today=DAY).release
    known = signers(checkout_with_site)
    with pytest.raises(Refused):
        release.verify("")
    data = bytearray(release.kit.read_bytes())
    data[len(data) // 2] ^= 1
    release.kit.write_bytes(bytes(data))
    with pytest.raises(Refused):
        release.verify(known)


def test_unpacked_kit_and_what_it_declares_are_read(checkout_with_site: Any) -> None:
    site = checkout_with_site.site
    release = cut(site, commit=False, today=DAY).release
    assert (release.unpacked(site) / "salt" / "states" / "init.sls").is_file()
    assert release.unpacked(site) == release.unpacked(site)
    parts = release.declared(site).parts
    assert {what: part.value for what, part in parts.items()} == {"the schema of keystone": "zed"}


@pytest.mark.parametrize(("version", "said"), [("1.0", "is no version"), ("2026.47.1", "is taken")])
def test_version_that_cannot_be_is_refused(
    checkout_with_site: Any, version: str, said: str
) -> None:
    checkout = checkout_with_site
    cut(checkout.site, commit=False, today=DAY)
    checkout.change("other: 1\n")
    with pytest.raises(InputError, match=said):
        cut(checkout.site, commit=False, version=version)


def test_manifest_that_cannot_be_built_leaves_no_release(checkout_with_site: Any) -> None:
    site = checkout_with_site.site
    site.manifest.write_text("books:\n  - book: salt\n    git: '{here}'\n    branch: nowhere\n")
    with pytest.raises(GitshelfError, match=r"gitshelf.yml:\d+"):
        cut(site, commit=False, today=DAY)
    assert manifests(site) == {} and releases(site) == ()


def test_release_is_found_by_version_digest_and_latest(checkout_with_site: Any) -> None:
    checkout = checkout_with_site
    site = checkout.site
    with pytest.raises(InputError, match="none yet"):
        find_release(site, "latest")
    first = cut(site, commit=False, version="2026.9.10").release
    checkout.change("other: 1\n")
    second = cut(site, commit=False, version="2026.10.1").release
    assert find_release(site, "latest") == second
    for text in (first.version, first.digest, first.hex[:8], f"sha256:{first.hex[:12]}"):
        assert find_release(site, text) == first
        assert named_release(site, (), text) == (first.digest, first.version)
    for text in ("2026.1.1", "abc", first.hex[:3], "000000000", "../x"):
        for error in (
            pytest.raises(InputError, match="names no release"),
            pytest.raises(InputError, match="names no release"),
        ):
            with error as told:
                find_release(site, text)
            assert "2026.9.10" in told.value.remedy and first.hex[:12] in told.value.remedy


def test_numbers_count_up_within_the_iso_week() -> None:
    taken = {"2026.47.1": Path(), "2026.47.10": Path(), "2026.46.11": Path()}
    assert next_version(taken, DAY) == "2026.47.11"
    assert next_version({}, date(2027, 1, 1)) == "2026.53.1"
