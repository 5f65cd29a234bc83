"""What a release brings to be run here, in a sandbox with the way to one instance's nodes.

It sees what it was shown of its release, the Python that runs it, and one folder: the instance's
nodes, ssh_config, known_hosts and key. No other key, no ledger, nothing of other instances.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deploykit.base import files
from deploykit.base.process import Result, Runner, run
from deploykit.base.sandbox import (
    HOME,
    SOCKETS,
    Sandbox,
    cleaned,
    environment,
    is_off,
    private_folders,
    python_folders,
    run_confined,
    warn_unconfined,
)
from deploykit.nodes.inventory import (
    HOSTS_FILE,
    Inventory,
    SshFiles,
    hosts_json,
    make_control_folder,
    render_known_hosts,
    render_ssh_config,
    ssh_files,
)

INSTANCE = Path("/instance")  # inside
RESULTS = Path("/results")  # inside: the one file that may be written


@dataclass(frozen=True, slots=True)
class Confined:
    """Where programs may be started with the way to one instance's nodes.

    `folder` is where they find ssh_config, known_hosts and inventory.json, `kept` where this
    process does; without a sandbox (`sandbox` is None) both are one.
    """

    folder: Path
    kept: Path
    sandbox: Sandbox | None

    def put(self, name: str, text: str) -> Path:
        """Add a file for the programs to read; returns its place as they see it."""
        files.write(self.kept / name, text, mode=0o600)
        return self.folder / name

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        timeout: float,
        env: Mapping[str, str],
        cwd: Path | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        results: Path | None = None,
        runner: Runner = run,
    ) -> Result:
        """Run `argv` for at most `timeout` seconds; the result tells how it ended.

        Words of it that are RESULTS, or end in it, stand for the file `results`, which it may
        write. Raises DeployKitError where there can be no sandbox.
        """
        if results is not None:
            results.touch(mode=0o600)
        if self.sandbox is None:
            warn_unconfined()
            words = [str(word).replace(str(RESULTS), str(results)) for word in argv]
            own = cleaned(os.environ, {**environment(), **env, "HOME": str(self.kept)})
            return runner(
                words, timeout=timeout, env=own, cwd=cwd, log=log, check=False, on_line=on_line
            )
        written = {RESULTS: results.resolve()} if results is not None else {}
        return run_confined(
            replace(self.sandbox, written=written),
            argv,
            timeout=timeout,
            env=env,
            cwd=cwd,
            log=log,
            on_line=on_line,
            runner=runner,
        )


@contextlib.contextmanager
def confined(inventory: Inventory, shown: Sequence[Path]) -> Iterator[Confined]:
    """A place to run what a release brings against `inventory`; gone when the block ends.

    `shown` are the folders of the release that may be read, at their own places: whole paths whose
    folders are no links, as a release says them (`Release.readable`).
    """
    with tempfile.TemporaryDirectory(prefix="confined-", ignore_cleanup_errors=True) as made:
        kept = Path(made).resolve()
        if is_off():
            make_control_folder()
            place = Confined(kept, kept, None)
            ssh = replace(ssh_files(inventory), known_hosts=kept / "known_hosts")
        else:
            place = Confined(INSTANCE, kept, _sandbox(inventory, shown, kept))
            ssh = SshFiles(INSTANCE / "key", INSTANCE / "known_hosts", SOCKETS / "%n")
        place.put("known_hosts", render_known_hosts(inventory))
        place.put("ssh_config", render_ssh_config(inventory, ssh))
        place.put(HOSTS_FILE, hosts_json(inventory.there))
        yield place


def _sandbox(inventory: Inventory, shown: Sequence[Path], kept: Path) -> Sandbox:
    """The sandbox with the files of `kept` as its folder INSTANCE, and the instance's key there."""
    (kept / "key").touch()  # where the key is mounted
    (kept / "passwd").write_text(f"kit:x:{os.getuid()}:{os.getgid()}::{HOME}:/bin/sh\n")
    (kept / "group").write_text(f"kit:x:{os.getgid()}:\n")
    return Sandbox(
        shown=(*python_folders(), *shown),
        placed={
            INSTANCE: kept,
            INSTANCE / "key": inventory.ssh_key.resolve(),
            Path("/etc/passwd"): kept / "passwd",
            Path("/etc/group"): kept / "group",
        },
        hidden=private_folders(),
    )
