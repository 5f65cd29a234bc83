"""docs/situations.md: a command is run by a test or says that it is not, and links lead on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deploykit.cli import cli
from situations import NOT_RUN, RUN_BY, Block, blocks

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "situations.md"
LINK = re.compile(r"\]\(([\w./-]*)(?:#([\w-]+))?\)")
SITUATIONS = (
    *("A node is broken", "A disk is full", "A certificate ends", "RabbitMQ is split"),
    *("A migration failed in the middle", "The dashboard is slow", "An alert fires"),
)


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_situation_has_its_heading() -> None:
    assert re.findall(r"^## (.+)$", GUIDE.read_text(), re.MULTILINE) == list(SITUATIONS)


@pytest.mark.parametrize("block", blocks(GUIDE), ids=lambda block: block.text[:40])
def test_block_is_run_by_a_test_or_says_that_it_is_not(block: Block) -> None:
    if block.language == "console":
        assert block.lines
        return
    first, *commands = block.text.splitlines()
    assert commands
    if named := RUN_BY.fullmatch(first):
        assert f"def {named[2]}(" in (ROOT / named[1]).read_text(encoding="utf-8")
    else:
        assert NOT_RUN.fullmatch(first), first


def test_commands_of_deploy_kit_are_there() -> None:
    for block in blocks(GUIDE):
        for line in block.text.splitlines():
            words = line.removeprefix("$ ").split()
            if words[:1] != ["deploy-kit"]:
                continue
            command = cli.get_command(None, words[1])  # type: ignore[arg-type]
            assert command is not None, line


def test_links_lead_to_headings_that_are_there() -> None:
    for page, anchor in LINK.findall(GUIDE.read_text(encoding="utf-8")):
        there = GUIDE.parent / page if page else GUIDE
        assert there.is_file(), page
        assert not anchor or anchor in anchors(there), f"{page}#{anchor}"
