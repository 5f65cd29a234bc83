"""For every test of the ledger: each verdict on a signature is ssh-keygen's, too."""

from __future__ import annotations

import pytest
from deploykit.ledger import chain, signatures
from deploykit.ledger.signatures import Claim


@pytest.fixture(autouse=True)
def checked_by_openssh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test pushes, forged or not: ssh-keygen has to say what was found here."""
    real = signatures.problem_of_signature

    def doubted(claim: Claim, proven: bool) -> str:
        problem = real(claim, proven)
        assert bool(claim.commit.signature and signatures.openssh_accepts(claim)) == (not problem)
        return problem

    monkeypatch.setattr(chain, "problem_of_signature", doubted)
