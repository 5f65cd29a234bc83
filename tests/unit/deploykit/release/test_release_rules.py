"""What a cut refuses: the rules of the manifest, and secrets in any case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deploykit.base.errors import Refused
from deploykit.ledger import Ledger
from deploykit.release import cutting, manifests, releases
from deploykit.release.cutting import Cut
from deploykit.site import Site
from ledgerbook import Call
from sitecheckout import Checkout

# No key at all, but its form: taken apart so that no scanner takes this file for one.
KEY = f"-----BEGIN OPENSSH {'PRIVATE'} KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\n"


def cut(site: Site, **more: Any) -> Cut:
    return cutting.cut(site, Ledger.open(site), **more)


def say(checkout: Checkout, lint: str) -> None:
    manifest = checkout.site.manifest
    manifest.write_text(manifest.read_text() + lint)


@pytest.mark.parametrize("lint", ["", "lint: {same-path: {}}\n", "lint: {secrets: {}}\n"])
def test_private_key_in_a_book_is_refused_by_file_and_line(
    call: Call, checkout_with_site: Checkout, lint: str
) -> None:
    checkout = checkout_with_site
    checkout.change(f"# a leak\n{KEY}", "salt/states/leak.pem")
    say(checkout, lint)
    for words in (("release", "cut"), ("release", "cut", "--no-commit")):
        code, _, err = call(*words)
        assert code == 1
        line = checkout.site.manifest.read_text().splitlines().index("  - book: salt") + 1
        assert f"gitshelf.yml:{line}: book salt: states/leak.pem has a private key in line 2" in err
        assert "allow" in err
    assert manifests(checkout.site) == {} and releases(checkout.site) == ()
    assert [path.name for path in checkout.site.kits.iterdir()] == [".lock"]
    assert checkout.git("log", "--format=%s").splitlines()[0] == "change salt/states/leak.pem"


def test_finding_that_is_right_is_allowed_by_its_path(checkout_with_site: Checkout) -> None:
    checkout_with_site.change(KEY, "salt/states/test/example.pem")
    say(checkout_with_site, "lint: {secrets: {allow: [salt/states/test/*.pem]}}\n")
    assert cut(checkout_with_site.site, commit=False).new


def test_every_rule_under_lint_counts_and_the_release_before_is_the_last_one_cut(
    checkout_with_site: Checkout,
) -> None:
    checkout = checkout_with_site
    first = checkout.git("rev-parse", "HEAD")
    say(checkout, "lint: {full-sha: {}, descends: {}}\n")
    checkout.change("other: 1\n")
    assert cut(checkout.site, commit=False, version="2026.47.1").new
    checkout.git("reset", "-q", "--soft", first)
    checkout.change("third: 1\n")
    with pytest.raises(Refused, match="descends"):
        cut(checkout.site, commit=False, version="2026.47.2")
    assert list(manifests(checkout.site)) == ["2026.47.1"]


def test_book_that_anybody_on_the_way_could_answer_for_is_refused(
    checkout_with_site: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its branch would be what whoever answers says; which is then pinned, signed and deployed."""
    checkout = checkout_with_site
    reached = tmp_path / "reached"
    reached.write_text(f'[url "{checkout.folder}"]\n\tinsteadOf = http://git.example.org/cloud\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(reached))
    manifest = checkout.site.manifest
    manifest.write_text(
        manifest.read_text().replace('git: "{here}"', "git: http://git.example.org/cloud")
    )
    with pytest.raises(Refused, match=r"git\.example\.org/cloud is fetched in plain text"):
        cut(checkout.site, commit=False)
    assert manifests(checkout.site) == {} and releases(checkout.site) == ()
    say(checkout, "lint: {encrypted: {except: [salt, ansible]}}\n")
    assert cut(checkout.site, commit=False).new
