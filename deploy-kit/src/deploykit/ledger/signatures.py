"""Whose signature a commit has: proved here, several at once; ssh-keygen has the last word.

What `base.sshsig` cannot prove is asked of `ssh-keygen -Y verify`: a signature that is wrong, that
somebody else than ssh-keygen wrote, or by a key of a kind that is not checked here. So the answer
is ssh-keygen's in any case.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deploykit.base.process import run
from deploykit.base.sshsig import Question, encode_questions, is_proven
from deploykit.ledger.commits import RawCommit
from deploykit.ledger.records import Record
from deploykit.site.keys import QUIET, TIMEOUT, Signer, allowed_signers

NAMESPACE = "git"
FEW = 500  # signatures that are checked in this process: another one takes as long to start
AT_ONCE = len(os.sched_getaffinity(0))  # processes beside this one
MANY_TIMEOUT = 120.0  # seconds for a batch, which takes about one

Rest = TypeVar("Rest")


@dataclass(frozen=True, slots=True)
class Claim:
    """That `commit`, which adds `record`, is signed with a key of one of `signers`."""

    commit: RawCommit
    record: Record
    signers: tuple[Signer, ...]

    @property
    def question(self) -> Question:
        """What is asked of the signature."""
        keys = tuple(signer.key for signer in self.signers)
        return Question(self.commit.payload, self.commit.signature, NAMESPACE, keys)


def problem_of_signature(claim: Claim, proven: bool) -> str:
    """What is wrong with the commit's signature, in words; '' if nothing is.

    `proven`: it was found right already.
    """
    if proven:
        return ""
    if not claim.commit.signature:
        return "its commit is not signed"
    return "" if openssh_accepts(claim) else f"its signature is not {claim.record.actor}'s"


def with_proofs(
    batches: Iterable[tuple[Sequence[Claim], Rest]],
) -> Iterator[tuple[Sequence[Claim], list[bool], Rest]]:
    """The same batches in their order, each with what was proven of its claims.

    The next ones are read while processes of their own check those before; each process ends with
    its batch, so that none is left when this one is killed.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: deque[tuple[Sequence[Claim], Future[list[bool]], Rest]] = deque()
        try:
            for claims, rest in batches:
                waiting.append((claims, pool.submit(_proofs, claims), rest))
                if len(waiting) > AT_ONCE:
                    yield _awaited(waiting.popleft())
            while waiting:
                yield _awaited(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _awaited(
    entry: tuple[Sequence[Claim], Future[list[bool]], Rest],
) -> tuple[Sequence[Claim], list[bool], Rest]:
    claims, proofs, rest = entry
    return claims, proofs.result(), rest


def _proofs(claims: Sequence[Claim]) -> list[bool]:
    """What is proven of each claim."""
    if len(claims) < FEW:
        return [is_proven(claim.question) for claim in claims]
    words = [sys.executable, "-m", "deploykit.base.sshsig"]
    questions = encode_questions(claim.question for claim in claims)
    answers = run(words, timeout=MANY_TIMEOUT, input=questions).stdout.split()
    return [answer == "1" for answer in answers]


def openssh_accepts(claim: Claim) -> bool:
    """Whether `ssh-keygen -Y verify` accepts the signature as one of the claim's signers."""
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        known, signature = Path(folder) / "signers", Path(folder) / "signature"
        known.write_text(allowed_signers(claim.signers, NAMESPACE), encoding="utf-8")
        signature.write_text(claim.commit.signature, encoding="utf-8")
        words = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", claim.record.actor]
        result = run(
            [*words, "-f", known, "-s", signature],
            timeout=TIMEOUT,
            input=claim.commit.payload,
            env=QUIET,
            check=False,
        )
    return result.returncode == 0
