"""Bootstrap: the release on nodes made from nothing."""

from __future__ import annotations

from dataclasses import replace

from deploykit.checks import Occasion, Outcome
from deploykit.checks.upgrade import rehearse
from deploykit.rollout.work import Work


class Bootstrap:
    """Whether a lost environment could be built again from this release alone."""

    name = "bootstrap"
    summary = "the release makes a working environment out of bare nodes"
    on_copy = True

    def run(self, work: Work, occasion: Occasion) -> Outcome:
        return rehearse(work, replace(occasion, before=None), self.name)
