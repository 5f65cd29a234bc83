from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import receiver
from deploykit.cli import main
from deploykit.ledger import Ledger
from deploykit.site import Site
from deploykit.site.keys import Key
from ledgerbook import Call, Keys, make_key, make_site
from receiver import Receiver
from sitecheckout import Checkout, make_checkout


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """A key pair by its principal, made once."""
    folder = tmp_path_factory.mktemp("keys")
    made: dict[str, Key] = {}

    def key(principal: str) -> Key:
        if principal not in made:
            made[principal] = make_key(folder, principal)
        return made[principal]

    return key


@pytest.fixture
def ann(keys: Keys) -> Key:
    return keys("ann@here")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


@pytest.fixture
def ledger(site: Site, ann: Key) -> Ledger:
    """A ledger that ann began."""
    return Ledger.open(site, ann)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver of HTTP, which is asked again after a moment."""
    monkeypatch.setattr("deploykit.base.webcall.PAUSE", 0.01)
    with receiver.serving() as state:
        yield state


@pytest.fixture
def checkout_with_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))
    monkeypatch.delenv("DEPLOY_KIT_KEY", raising=False)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ann@here")
    return make_checkout(tmp_path)


@pytest.fixture
def call(
    checkout_with_site: Checkout, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Call:
    """Run `deploy-kit` with these words; gives exit code, output and errors."""

    def run(*words: str) -> tuple[int, str, str]:
        site = str(checkout_with_site.site.folder)
        monkeypatch.setattr("sys.argv", ["deploy-kit", "--site", site, *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err

    return run
