"""How long a ledger of 100,000 records takes: verified first, looked at, appended to.

    .venv/bin/python tests/benchmarks/bench_ledger.py [--records N] [--runs N] [--work DIR]

Beside it, in the same run, the same ledger verified by one ssh-keygen for each record, two at once:
of a sample, from which the time for all is calculated. Prints tables for docs/benchmarks.md, each
goal beside what was measured. Making the ledger takes a minute, and is not measured.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from measuring import Figure, Goal, at_most, call, goals, measured, median, peak_memory, program

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from bigledger import BigLedger, make_ledger
from deploykit.base.parallel import in_parallel
from deploykit.ledger import Ledger
from deploykit.ledger.bodies import decision_body
from deploykit.ledger.in_force import signers_in_force
from deploykit.ledger.kinds import Body
from deploykit.ledger.remote import clone_of
from deploykit.ledger.signatures import Claim, openssh_accepts

FEW = 10
SAMPLE = 400


def main() -> None:
    """Make both ledgers, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=None, help="where to write (a file system)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ledger-", dir=chosen.work) as name:
        small, big = (
            Bench(make_ledger(Path(name) / f"{size}", size), Path(name) / f"state{size}")
            for size in (FEW, chosen.records)
        )
        goals(compared(small, big, chosen.records, chosen.runs))


class Bench:
    """A ledger, and what is done with it from a state folder."""

    def __init__(self, made: BigLedger, state: Path) -> None:
        self.made = made
        self.state = state
        self.key = made.keys["operator"]

    @property
    def environment(self) -> dict[str, str]:
        return {"XDG_STATE_HOME": str(self.state), "DEPLOY_KIT_KEY": str(self.key.file)}

    def words(self, *words: str) -> list[str]:
        return [program("deploy-kit"), "--site", str(self.made.site.folder), *words]

    def deploy_kit(self, *words: str) -> Figure:
        return measured(lambda: call(self.words(*words), **self.environment))

    def forget(self) -> None:
        """A machine that never saw the ledger."""
        shutil.rmtree(self.state, ignore_errors=True)

    def ledger(self) -> Ledger:
        return Ledger.open(replace(self.made.site, state=self.state / "own"), self.key)


def compared(small: Bench, big: Bench, records: int, runs: int) -> list[Goal]:
    """What was asked for of the `big` ledger, beside what was measured."""
    first: list[Figure] = []
    for _ in range(max(1, runs // 2)):
        big.forget()
        first.append(big.deploy_kit("status"))
    big.forget()
    peak = peak_memory(big.words("status"), **big.environment)
    small.deploy_kit("status")
    commands = (("status",), ("history", "--last", "20"))
    pairs = {
        words: [(small.deploy_kit(*words), big.deploy_kit(*words)) for _ in range(runs)]
        for words in commands
    }
    peer = records * per_record(big)
    return [
        at_most("first verification, fetch and start included", median(first).wall, 90, "s"),
        Goal("… its CPU, all processes", f"{median(first).cpu:.0f} s", "", True),
        Goal("… its memory, all processes", f"{peak / 2**20:.0f} MiB", "", True),
        Goal(
            f"… by one ssh-keygen each, from {SAMPLE}: signatures only", f"{peer:.0f} s", "", True
        ),
        *(more_than_few(words, *zip(*pairs[words], strict=True)) for words in commands),
        at_most("a record appended", append(big, runs), 0.5, "s"),
        Goal(f"… with {FEW} records", f"{append(small, runs):.2f} s", "", True),
    ]


def more_than_few(words: Sequence[str], few: Iterable[Figure], many: Iterable[Figure]) -> Goal:
    """How much longer a call takes with many records than with few, taking turns."""
    base = median(few).wall
    what = f"{' '.join(words)}, more than with {FEW} records ({base:.2f} s)"
    return at_most(what, median(many).wall - base, 0.2, "s")


def append(bench: Bench, runs: int) -> float:
    """The seconds of one append, signature and push included; the median."""
    ledger = bench.ledger()
    body = decision_body("hold", environment="test", reason="night")

    def decide(records: object, now: datetime) -> Body:
        return body

    return median([measured(lambda: ledger.append(decide)) for _ in range(2 * runs + 1)]).wall


def per_record(bench: Bench) -> float:
    """The seconds for one record's signature by ssh-keygen, two at once as it was done before."""
    ledger = bench.ledger()
    clone = clone_of(replace(bench.made.site, state=bench.state / "own"))
    known = ledger.known[len(ledger.known) - SAMPLE :]
    batches = clone.read([record.commit for record in known], known[0].n)
    commits = [commit for batch in batches for commit in batch.commits]
    signers = signers_in_force(ledger.known)
    claims = [
        Claim(commit, record, tuple(one for one in signers if one.principal == record.actor))
        for commit, record in zip(commits, known, strict=True)
    ]

    def verify_all() -> None:
        assert all(in_parallel(claims, openssh_accepts, 2))

    return measured(verify_all).wall / len(claims)


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning")
    main()
