"""Policy: may this release enter that environment? `verdict` decides, by the `rules`. No I/O."""

from deploykit.policy.case import Candidate, NeededCheck, Reason
from deploykit.policy.verdict import Verdict, evaluate, evaluate_rollback

__all__ = ["Candidate", "NeededCheck", "Reason", "Verdict", "evaluate", "evaluate_rollback"]
