from __future__ import annotations

import pytest
from deploykit.cli import main
from ledgerbook import Call
from sitecheckout import Checkout


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
