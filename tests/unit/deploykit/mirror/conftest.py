from __future__ import annotations

import pytest
from deploykit.cli import main
from deploykit.site import Site
from ledgerbook import Call


@pytest.fixture
def call_site(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run `deploy-kit` for a site with these words; gives exit code, output and errors."""

    def run(site: Site, *words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["deploy-kit", "--site", str(site.folder), *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err

    return run
