"""The vagrant command through python-vagrant, every call with a timeout and a log."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import vagrant

from deploykit.base.errors import DeployKitError, InputError
from deploykit.base.process import run
from deploykit.site import Site

FOLDER = "VAGRANT_CWD"  # Vagrant's own variable for where its Vagrantfile is
ENVIRONMENT = "DEPLOY_KIT_ENVIRONMENT"  # which environment the Vagrantfile takes
SITE = "DEPLOY_KIT_SITE"
UP_TIMEOUT = 3600.0  # seconds; a whole region from nothing
QUICK_TIMEOUT = 300.0
LINE = re.compile(r"(?:==>|   ) (?P<told>\S+: .*)")


class TimedVagrant(vagrant.Vagrant):  # type: ignore[misc]
    """python-vagrant whose processes end in time; what they print goes to `log` and `tell`."""

    def __init__(
        self, site: Site, environment: str, log: Path, tell: Callable[[str], None] | None = None
    ) -> None:
        super().__init__(root=str(vagrant_folder(site)))
        self._log, self._tell = log, tell
        self._settings = {ENVIRONMENT: environment, SITE: str(site.folder), FOLDER: self.root}

    def provision(self, vm_name: str | None = None, provision_with: object = None) -> None:
        """Converge the region as it stands."""
        self._call_vagrant_command(["provision", vm_name])

    def _call_vagrant_command(self, args: Sequence[str | None]) -> None:
        self._run_in_time(args, UP_TIMEOUT)

    def _run_vagrant_command(self, args: Sequence[str | None]) -> str:
        return self._run_in_time(args, QUICK_TIMEOUT)

    def _run_in_time(self, args: Sequence[str | None], timeout: float) -> str:
        if not Path(self.root, "Vagrantfile").is_file():
            raise InputError(
                f"{self.root} has no Vagrantfile",
                f"name its folder with {FOLDER}, or take another provider",
            )
        try:
            words = self._make_vagrant_command(args)
        except RuntimeError:
            raise DeployKitError("Vagrant is not installed", "deploy-kit/setup --vagrant") from None
        self._log.parent.mkdir(parents=True, exist_ok=True)
        return run(
            words,
            timeout=timeout,
            cwd=Path(self.root),
            env=self._settings,
            log=self._log,
            on_line=self._note_line if self._tell else None,
        ).stdout

    def _note_line(self, line: str) -> None:
        match = LINE.match(line)
        if match and self._tell:
            self._tell(match["told"])


def vagrant_folder(site: Site) -> Path:
    """The folder of the Vagrantfile: beside the site's own, or $VAGRANT_CWD."""
    return Path(os.environ.get(FOLDER) or site.folder.parent / "vagrant")
