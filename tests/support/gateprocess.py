"""`python gateprocess.py FOLDER`: the gate of a `gatesite.GateSite`, to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from deploykit.gate.config import read_config
from deploykit.gate.loop import run_gate
from deploykit.gate.merged_bugs import MergedBugs
from deploykit.gate.site import Surroundings, assembled
from gatesite import joblogs_in
from jobprocesses import JobProcesses

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    executor = JobProcesses(folder / "jobs")
    config = read_config(folder / "gate.yml")
    bugs = MergedBugs(folder / "bugs", [], print)
    around = Surroundings(folder / "state", executor, lambda changes: {}, joblogs_in(folder), bugs)
    opened = assembled(config, around, print)
    run_gate(opened.gate, opened.event_words, opened.lock)
