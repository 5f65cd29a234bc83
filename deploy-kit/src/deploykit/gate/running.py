"""`python -m deploykit.gate.running BUILD JOB`: one job of a build, from checkout to exit status.

Started by an executor: in a folder of its own, in which the state is laid out first. It needs no
gate, and no secret of one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploykit.base import console
from deploykit.base.errors import DeployKitError
from deploykit.gate.checkout import check_out
from deploykit.gate.trees import Remote, Trees
from deploykit.gate.work import read_build


def main(words: list[str]) -> int:
    from gitshelf import GitshelfError

    folder, name = Path(words[0]), words[1]
    trees = Trees(folder.parent.parent / "stores", Remote(""))
    try:
        kept = read_build(folder)
        job = next(one for one in kept.jobs if one.name == name)
        place = folder / "work" / name
        check_out(kept.commits, trees.store, place)
    except (DeployKitError, GitshelfError) as error:
        console.stderr().out(f"the state cannot be laid out: {error}", highlight=False)
        return 1
    where = place / job.folder if job.folder else place
    console.stdout().out(f"$ {' '.join(job.run)}   (in {where})", highlight=False)
    sys.stdout.flush()  # what the job says comes behind it
    os.chdir(where)
    try:
        os.execvp(job.run[0], job.run)  # noqa: S606
    except OSError as error:
        console.stderr().out(f"cannot start {job.run[0]}: {error.strerror}", highlight=False)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
