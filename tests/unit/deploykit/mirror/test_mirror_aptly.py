"""The mirror with a real aptly and a real apt, on a vendor of a few packages on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from consoledoc import ENVIRONMENT, commands, run, wrong
from deploykit.base.errors import CommandFailed, DeployKitError
from deploykit.base.progress import Silent
from deploykit.image.inputs import PACKAGES
from deploykit.mirror.difference import compare_sets
from deploykit.mirror.gnupg import signing_key
from deploykit.mirror.needs import BARE
from deploykit.mirror.packageset import PackageSet
from deploykit.mirror.publishing import publish_set
from deploykit.mirror.store import Store, open_store
from deploykit.mirror.updating import Updated, changelogs_of, update_mirror
from deploykit.site import Site, open_site
from deploykit.site.content import read_content
from vendor import Vendor, vending

BIN = Path(sys.executable).parent
NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
CONTENT = {
    "roles.yml": "common: [vendor]\nroles:\n  master: {components: []}\n"
    "  cache: {components: [memcached], stage: foundation}\n",
    "pillar/vendor.sls": "vendor:\n  packages: [tools]\n  suites: [bookworm, bookworm-security]\n",
    "pillar/memcached.sls": "memcached: {packages: [memcached]}\n",
}
pytestmark = pytest.mark.timeout(600)  # some thirty programs for each test
MakeSite = Callable[[str], Site]


def add_base(vendor: Vendor) -> None:
    """What the command asks for besides: the packages of every node."""
    for name in PACKAGES:
        vendor.add(name, "1.0")
    vendor.publish()


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """A vendor whose memcached is in one suite and what it needs in both."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("http_proxy", raising=False)
    with vending(tmp_path / "vendor") as found:
        for name in ("apt", "tools", "unasked"):
            found.add(name, "1.0")
        found.add("dash", "0.5", priority="required")
        found.add("memcached", "1.6-1", "bookworm-security", needs="libevent (>= 2.1-8) | other")
        found.add("libevent", "2.1-8", source="libevent-src")
        found.publish()
        yield found


@pytest.fixture
def make_site(tmp_path: Path, vendor: Vendor) -> MakeSite:
    def make(name: str) -> Site:
        folder = tmp_path / name / "deploy-kit"
        folder.mkdir(parents=True)
        (folder / "site.yml").write_text(f"name: {name}\nmirror: {{sources: mirror.sources}}\n")
        (folder / "mirror.sources").write_text(vendor.sources())
        for path, text in CONTENT.items():
            file = folder.parent / "salt" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return open_site(folder)

    return make


def update(site: Site) -> Updated:
    content = read_content(site.content)
    return update_mirror(site, open_store(), content, (), now=NOON, progress=Silent())


def changes(site: Site, old: PackageSet, new: PackageSet) -> dict[str, Any]:
    found = compare_sets(old, new, changelogs_of(open_store(), site).of)
    return {change.source: change for change in found}


def apt_sees(folder: Path, published: Path, key: Path, package: str) -> str:
    """What a node's apt would install of `package` from the published suites."""
    for name in ("lists/partial", "archives/partial", "etc"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    lines = [
        f"deb [signed-by={key}] file://{published} {suite} main"
        for suite in ("bookworm", "bookworm-security")
    ]
    (folder / "sources.list").write_text("\n".join(lines))
    words = {"Dir::Etc": folder / "etc", "Dir::Etc::SourceList": folder / "sources.list",
             "Dir::State": folder, "Dir::State::status": folder / "status", "Dir::Cache": folder,
             "APT::Sandbox::User": "root", "APT::Architecture": "amd64"}  # fmt: skip
    (folder / "apt.conf").write_text("".join(f'{k} "{v}";\n' for k, v in words.items()))
    env = {"APT_CONFIG": str(folder / "apt.conf"), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}

    def get(*words: str) -> str:
        done = subprocess.run(
            ["apt-get", *words], env=env, capture_output=True, text=True, timeout=300, check=False
        )
        return done.stdout + done.stderr

    return get("-o", "APT::Update::Error-Mode=any", "update") + get("-qq", "-s", "install", package)


def test_set_has_what_roles_need_from_each_suite_and_nothing_else(
    make_site: MakeSite, vendor: Vendor
) -> None:
    site = make_site("one")
    done = update(site)
    held = done.set
    assert done.before is None
    assert held.roles == {
        BARE: ("apt", "dash", "tools"),
        "master": ("apt", "dash", "tools"),
        "cache": ("apt", "dash", "libevent", "memcached", "tools"),
    }
    main, security = held.snapshots
    assert [one.name for one in main.packages] == ["apt", "dash", "libevent", "tools"]
    assert [one.name for one in security.packages] == ["memcached"]
    assert held.packages["libevent"].source == "libevent-src"
    assert not [path for path in vendor.fetched if "unasked" in path]
    assert open_store().holding(site).newest == held.digest


def test_second_update_and_second_site_download_nothing(
    make_site: MakeSite, vendor: Vendor
) -> None:
    first = update(make_site("one"))
    assert len(vendor.fetched) == 5
    vendor.asked.clear()
    again = update(open_site(Path(open_store().holdings().popitem()[1].folder)))
    other = update(make_site("two"))
    assert again.set == other.set == first.set and again.before is None
    assert vendor.fetched == []


def test_security_update_is_another_set_that_names_what_it_closes(
    make_site: MakeSite, vendor: Vendor, tmp_path: Path
) -> None:
    site = make_site("one")
    old = update(site).set
    vendor.add(
        "libevent", "2.1-8+deb12u1", "bookworm-security", source="libevent-src",
        closes="Fix CVE-2026-4321 (DSA-6001-1).",
    )  # fmt: skip
    vendor.publish()
    done = update(site)
    assert done.before == old
    found = changes(site, old, done.set)
    assert found.keys() == {"libevent-src"}
    assert found["libevent-src"].closes == ("CVE-2026-4321", "DSA-6001-1")
    assert found["libevent-src"].roles == ("cache",)
    key = signing_key(site.keys / "mirror", site.name)
    keyring = tmp_path / "site.asc"
    keyring.write_text(key.public)
    for one, version in ((old, "2.1-8"), (done.set, "2.1-8+deb12u1")):
        published = publish_set(site, open_store(), one)
        assert publish_set(site, open_store(), one) == published
        said = apt_sees(tmp_path / one.digest[:6], published, keyring, "memcached")
        assert f"Inst libevent ({version} " in said and "Inst memcached (1.6-1 " in said, said


def test_published_set_is_taken_with_the_sites_key_alone(
    make_site: MakeSite, vendor: Vendor, tmp_path: Path
) -> None:
    site = make_site("one")
    published = publish_set(site, open_store(), update(site).set)
    other = tmp_path / "other.asc"
    other.write_text(vendor.key.public)
    said = apt_sees(tmp_path / "apt", published, other, "memcached")
    assert "NO_PUBKEY" in said and "Inst memcached" not in said


def test_source_signed_by_another_key_gives_nothing(make_site: MakeSite, vendor: Vendor) -> None:
    site = make_site("one")
    vendor.publish(signing_key(vendor.root / "thief", "thief"))
    with pytest.raises(CommandFailed, match="apt-get"):
        update(site)
    assert open_store().holding(site).newest is None and vendor.fetched == []


def test_package_that_no_source_has_is_named_with_its_role(
    make_site: MakeSite, vendor: Vendor
) -> None:
    site = make_site("one")
    (site.content / "pillar" / "memcached.sls").write_text("memcached: {packages: [nowhere]}\n")
    with pytest.raises(DeployKitError, match=r"packages of cache .*\n.*nowhere"):
        update(site)


def test_file_that_is_not_what_its_list_says_is_not_kept(
    make_site: MakeSite, vendor: Vendor
) -> None:
    site = make_site("one")
    file = next((vendor.root / "served" / "pool").glob("libevent_*"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(DeployKitError):
        update(site)
    assert open_store().sets() == ()


def test_prune_takes_what_no_kit_pins_and_leaves_other_sites_theirs(
    make_site: MakeSite, vendor: Vendor, tmp_path: Path, call_site: Any
) -> None:
    one, two = make_site("one"), make_site("two")
    old = update(one).set
    update(two)
    for version in ("1.1", "1.2"):
        vendor.add("tools", version)
        vendor.publish()
        update(one)
    store = open_store()
    assert len(store.sets()) == 3 and tools_in(store) == ["1.0", "1.1", "1.2"]
    status, said, _ = call_site(one, "mirror", "prune", "--dry-run", "--json")
    assert status == 0 and len(json.loads(said)["sets"]) == 2
    status, said, _ = call_site(one, "mirror", "prune", "--yes")
    assert status == 0 and "MB are free" in said
    assert tools_in(store) == ["1.0", "1.2"] and old.digest in store.sets()
    assert update(two).set.packages["tools"].version == "1.2"


def tools_in(store: Store) -> list[str]:
    """The versions of one package whose files the pool has."""
    files = (store.folder / "aptly" / "pool").rglob("*_tools_*")
    return sorted(file.name.split("_")[2] for file in files)


def test_commands_show_what_update_brought(
    make_site: MakeSite, vendor: Vendor, call_site: Any
) -> None:
    site = make_site("one")
    add_base(vendor)
    assert call_site(site, "mirror", "list")[1] == "no set yet: deploy-kit mirror update\n"
    status, said, _ = call_site(site, "mirror", "update", "--json")
    first = json.loads(said)
    assert status == 0 and first["packages"] == 5 + len(PACKAGES) and first["changes"] == []
    assert call_site(site, "mirror", "diff")[0] == 2
    vendor.add("tools", "1.1", closes="CVE-2026-7777")
    vendor.publish()
    _, said, _ = call_site(site, "mirror", "update")
    assert said.splitlines()[1:] == ["tools 1.0 -> 1.1: CVE-2026-7777"]
    status, said, _ = call_site(site, "mirror", "diff", first["set"][:8], "newest")
    assert (status, said) == (1, "tools 1.0 -> 1.1: CVE-2026-7777\n")
    assert call_site(site, "mirror", "diff", "newest", "newest")[:2] == (0, "")
    assert "memcached 1.6-1\n" in call_site(site, "mirror", "show", "--role", "cache")[1]
    status, _, said = call_site(site, "mirror", "show", "--role", "cash")
    assert status == 2 and "did you mean 'cache'?" in said
    assert first["set"][:12] in call_site(site, "mirror", "list")[1]


def test_site_without_a_mirror_is_told_how_to_have_one(make_site: MakeSite, call_site: Any) -> None:
    site = make_site("one")
    (site.folder / "site.yml").write_text("name: one\n")
    status, _, said = call_site(site, "mirror", "update")
    assert status == 2 and "the site has no mirror" in said and "write 'mirror: {}' there" in said


def test_commands_of_the_page_print_what_it_shows(
    make_site: MakeSite, vendor: Vendor, tmp_path: Path, checkout: Path
) -> None:
    page = (checkout / "docs" / "mirror.md").read_text("utf-8")
    shown = commands(page)
    site = make_site("home")
    add_base(vendor)
    homes = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    env = {**ENVIRONMENT, **homes, "PATH": f"{BIN}:{os.environ['PATH']}"}
    ran = run(shown[:1], site.folder, env)
    vendor.add(
        "libevent", "2.1-8+deb12u1", "bookworm-security", source="libevent-src",
        closes="Fix CVE-2026-4321 (DSA-6001-1).",
    )  # fmt: skip
    vendor.publish()
    ran += run(shown[1:], site.folder, env)
    assert len(ran) == len(shown) >= 6
    assert [told for pair in zip(shown, ran, strict=True) if (told := wrong(*pair))] == []
