"""Logs of jobs that deploy-kit did not run, kept with its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.base.printable import one_line
from deploykit.logs.masking import masked
from deploykit.logs.runs import Ending, Run, demand_id, read_log
from deploykit.logs.store import Store


def take_files(
    store: Store, name: str, logs: Sequence[Path], ending: Ending, error: str = ""
) -> Run:
    """Keep `logs` as the run `TIME-NAME`, TIME being when the last of them was written.

    Raises InputError if that run is there already, a file cannot be read, or two have one name.
    """
    names = [file.name for file in logs]
    if len(set(names)) < len(names):
        twice = next(file_name for file_name in names if names.count(file_name) > 1)
        raise InputError(f"two logs are named {twice}", "a run tells its logs apart by their names")
    ended = datetime.fromtimestamp(int(max(file.stat().st_mtime for file in logs)), UTC)
    id = demand_id(f"{ended:%Y%m%dT%H%M%S}-{name}")
    run = Run(id, name, ended, ended, ending, one_line(masked(error), 2000))
    if not store.put(run, [read_log(file) for file in logs]):
        raise InputError(f"the run {id} is there already", "take another name")
    return run
