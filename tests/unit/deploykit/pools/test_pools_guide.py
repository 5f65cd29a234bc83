"""docs/pools.md: its pools.yml is read, and each of its commands is run on a site with pools."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from consoledoc import ENVIRONMENT, commands, run, wrong
from deploykit.base.waiting import wait_until
from deploykit.pools.config import FILE, POOL_KEYS
from trainworld import World, build_world
from worldcommand import write_command

GUIDE = "docs/pools.md"
pytestmark = pytest.mark.timeout(900)


def guides_file(page: str) -> str:
    """The pools.yml that the guide shows, on the hosts of the world."""
    text = page.split("```yaml\n")[1].split("```")[0]
    for old, new in {
        "provider: lxd, memory: 48G": "provider: fake, memory: 8G",
        "line: production": "line: test",
        "memory: 2G": "memory: 1M",
        "memory: 1G": "memory: 1M",
    }.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def page(checkout: Path) -> str:
    return (checkout / GUIDE).read_text("utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, page: str) -> Iterator[World]:
    """A site with the guide's pools, and a server of them that runs."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("guide")
        world = build_world(folder / "world", patch, {"test": None})
        world.deploy(world.release(), "test")
        (world.site.folder / FILE).write_text(guides_file(page))
        write_command(folder / "bin", world.folder)
        patch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        patch.setenv("DEPLOY_KIT_SITE", str(world.site.folder))
        patch.chdir(folder)
        log = (folder / "log").open("w")
        server = subprocess.Popen(["deploy-kit", "pool", "run"], stdout=log, stderr=log)
        try:
            assert wait_until(lambda: ready(folder) == {"small": 2, "bare": 1}, 400, pause=3.0), (
                folder / "log"
            ).read_text()
            yield world
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(120) == 0, (folder / "log").read_text()


def ready(folder: Path) -> dict[str, int]:
    done = subprocess.run(["deploy-kit", "pool", "status", "--json"], capture_output=True,
                          text=True, timeout=120, check=True)  # fmt: skip
    return {one["pool"]: one["ready"] for one in json.loads(done.stdout)["pools"]}


def test_every_command_of_the_guide_does_what_it_shows(world: World, page: str) -> None:
    shown = commands(page)
    assert len(shown) >= 13
    ran = run(shown, world.folder, ENVIRONMENT)
    assert [told for pair in zip(shown, ran, strict=True) if (told := wrong(*pair))] == []


def test_guide_names_every_key_of_a_pool(page: str) -> None:
    rows = re.findall(r"^\| (`[^|]+`[^|]*) \|", page, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert named >= POOL_KEYS
