"""An executor for tests of the gate: jobs are real processes that outlive whoever started them.

The product's own is `deploykit.jobs.local`; this one has no limits, no cages and no masks.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from deploykit.base.errors import InputError
from deploykit.jobs import JobSpec, JobState, Phase, Result

WRAPPER = """
import json, os, pathlib, subprocess, sys
folder = pathlib.Path(sys.argv[1]); spec = json.loads((folder / "spec.json").read_text())
with (folder / "log").open("wb") as log:
    env = {**os.environ, **spec["env"]}
    try:
        code = subprocess.run(spec["argv"], cwd=spec["cwd"], env=env, stdout=log, stderr=log,
                              stdin=subprocess.DEVNULL, timeout=spec["timeout"]).returncode
        result = "failed" if code else "passed"
    except subprocess.TimeoutExpired:
        result = "timed-out"
(folder / "new").write_text(result); os.replace(folder / "new", folder / "result")
"""


class JobProcesses:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, spec: JobSpec) -> str:
        folder = self.folder / spec.id
        if folder.exists():
            return spec.id
        aside = self.folder / f".{spec.id}"
        aside.mkdir(exist_ok=True)
        document = {
            "argv": spec.argv,
            "cwd": spec.cwd,
            "env": dict(spec.env),
            "timeout": spec.timeout,
        }
        (aside / "spec.json").write_text(json.dumps(document), encoding="utf-8")
        aside.rename(folder)
        child = subprocess.Popen(
            [sys.executable, "-c", WRAPPER, str(folder)], start_new_session=True
        )
        (folder / "pid").write_text(str(child.pid), encoding="utf-8")
        return spec.id

    def poll(self, id: str) -> JobState:
        folder = self.folder / id
        if not folder.is_dir():
            raise InputError(f"there is no job '{id}'")
        began = datetime.fromtimestamp((folder / "spec.json").stat().st_mtime, UTC)
        state = JobState(id, "", Phase.RUNNING, began, str(folder / "log"), began=began)
        with contextlib.suppress(FileNotFoundError):
            result = Result((folder / "result").read_text(encoding="utf-8"))
            ended = datetime.fromtimestamp((folder / "result").stat().st_mtime, UTC)
            return replace(state, phase=Phase.ENDED, result=result, ended=ended)
        return state

    def cancel(self, id: str) -> None:
        self.poll(id)
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.killpg(int((self.folder / id / "pid").read_text(encoding="utf-8")), signal.SIGKILL)
        (self.folder / id / "result").write_text("cancelled", encoding="utf-8")

    def log_text(self, id: str) -> str:
        log = self.folder / id / "log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def running(self) -> list[str]:
        ids = [folder.name for folder in self.folder.iterdir() if not folder.name.startswith(".")]
        return [id for id in ids if self.poll(id).running]
