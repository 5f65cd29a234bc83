"""Another key on nodes that are up: the line of the old one in authorized_keys becomes the new one.

One node after the other may be cut off: both keys are tried until all nodes know the new one.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from deploykit.base import files
from deploykit.base.parallel import in_parallel
from deploykit.nodes.inventory import (
    Inventory,
    SshFiles,
    render_known_hosts,
    render_ssh_config,
)
from deploykit.nodes.ssh import close_all, run_on

TIMEOUT = 30.0  # seconds for each node
AT_ONCE = 8
# $1: the old key, $2: the new one, as TYPE BASE64; neither holds a '|' or anything special to sed.
REPLACE = """\
set -eu
file=$HOME/.ssh/authorized_keys
sed "s|$1|$2|" "$file" >"$file.new"
grep -qF "$2" "$file.new"
chmod 0600 "$file.new"
mv "$file.new" "$file"
"""


def replace_key(inventory: Inventory, key: Path) -> None:
    """Have the nodes let `key` in and `inventory.ssh_key` no more.

    The comments of both keys stay out of it. May be repeated after it was cut off anywhere, with
    the same two keys. Raises NodeUnreachable, before anything is changed if a node is away from the
    start, or CommandFailed, naming the node.
    """
    old, new = (_public(file) for file in (inventory.ssh_key, key))
    with tempfile.TemporaryDirectory(prefix="rekey-") as made:
        both = replace(inventory, folder=Path(made))
        ssh = SshFiles(key, both.folder / "known_hosts", Path("none"))
        config = render_ssh_config(inventory, ssh) + f'  IdentityFile "{inventory.ssh_key}"\n'
        files.write(both.folder / "known_hosts", render_known_hosts(inventory), mode=0o600)
        files.write(both.ssh_config, config, mode=0o600)
        # First whether all are there: one that is away would leave the others with another key.
        for words in (["true"], ["sh", "-c", REPLACE, "rekey", old, new]):
            on_node = partial(run_on, inventory=both, argv=words, timeout=TIMEOUT)
            in_parallel(inventory.hosts, on_node, AT_ONCE)
    close_all(inventory.folder)  # they were let in by the old key


def _public(key: Path) -> str:
    return " ".join(Path(f"{key}.pub").read_text(encoding="utf-8").split()[:2])
