"""The commands of the verifier zip: `verify` and `extract`, with the standard library alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from gitshelf.base.errors import GitshelfError
from gitshelf.kit.extraction import extract
from gitshelf.kit.unpacked import verify_folder
from gitshelf.kit.verification import verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: prints one line of JSON, returns the exit code (0, 1 refused, 2 wrong)."""
    parser = argparse.ArgumentParser(
        prog="gitshelf-verifier", description="Verify a kit, or verify and unpack it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("verify", "prove a kit, or a folder that one was unpacked into"),
        ("extract", "prove a kit and unpack it"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("kit", type=Path)
        if name == "extract":
            command.add_argument("folder", type=Path, help="a folder that is not there yet")
        command.add_argument("--signers", type=Path, help="an allowed-signers file")
        command.add_argument("--digest", help="SHA-256 that the uncompressed tar must have")
    options = parser.parse_args(arguments)
    try:
        if options.command == "extract":
            verified = extract(
                options.kit, options.folder, signers=options.signers, digest=options.digest
            )
        elif options.kit.is_dir():
            verified = verify_folder(options.kit, digest=options.digest)
        else:
            verified = verify(options.kit, signers=options.signers, digest=options.digest)
    except GitshelfError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.remedy:
            print(f"remedy: {error.remedy}", file=sys.stderr)
        return error.exit_code
    print(
        json.dumps({"digest": verified.digest, "signer": verified.signer, "bytes": verified.size})
    )
    return 0
