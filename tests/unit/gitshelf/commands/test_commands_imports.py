"""What a command loads before it does anything."""

from __future__ import annotations

import subprocess
import sys


def test_help_needs_no_heavy_imports() -> None:
    code = (
        "import sys; sys.argv = ['gitshelf', '--help']\n"
        "from gitshelf.commands.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'ruamel', 'yaml', 'rich', 'zstandard', 'subprocess'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
