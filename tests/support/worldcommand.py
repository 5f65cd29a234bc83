"""`deploy-kit` on a world of trainworld.py, as a program: for guides whose commands are run.

Salt's rendering is faked, too: of each minion it gives one file, as it lies in the kit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from deploykit import preview
from deploykit.cli import main
from trainworld import fake_surroundings

SCRIPT = """#!{python}
import sys

sys.path.insert(0, {support!r})
from worldcommand import run

run({folder!r})
"""
CONFIG = "keystone/files/keystone.conf"


def write_command(folder: Path, world: Path) -> None:
    """Put `deploy-kit` for the world in the folder `world` into `folder`."""
    folder.mkdir(exist_ok=True)
    support = str(Path(__file__).resolve().parent)
    program = folder / "deploy-kit"
    text = SCRIPT.format(python=sys.executable, support=support, folder=str(world))
    program.write_text(text)
    program.chmod(0o755)


def run(folder: str) -> None:
    """Be `deploy-kit` with the words of this process."""
    keys = {name: os.environ[name] for name in ("DEPLOY_KIT_KEY",) if name in os.environ}
    fakes = pytest.MonkeyPatch()
    fake_surroundings(Path(folder), fakes)
    fakes.setattr(preview, "ask_salt", rendered)
    os.environ.update(keys)
    main()


def rendered(root: Path, told: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """In the place of Salt: the configuration file of each minion."""
    text = (root / "salt" / "states" / CONFIG).read_text()
    name = "/etc/keystone/keystone.conf"
    state = {"__id__": "keystone_config_file", "name": name, "state": "file", "fun": "managed"}
    node = {
        "highstate": [state],
        "files": {name: text.splitlines()},
        "sls": {}, "top": {}, "values": {}, "secrets": [],
    }  # fmt: skip
    return {**dict.fromkeys(told["whole"]["minions"], node), "orchestration": []}
