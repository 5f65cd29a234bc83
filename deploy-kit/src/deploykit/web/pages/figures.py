"""The page of figures: DORA's four, lead time by stage, soak, and checks by how flaky they are."""

from __future__ import annotations

from dataclasses import dataclass

from deploykit.figures.delivery import Delivery
from deploykit.figures.flakes import CheckHistory
from deploykit.figures.stages import Soak, Stage
from deploykit.web.pages import Reading, reading_of
from deploykit.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class FiguresPage:
    """The figures of the end of the line (`delivery`; None where there is no environment), and
    those of the way there."""

    reading: Reading
    delivery: Delivery | None
    stages: tuple[Stage, ...]
    soaks: tuple[Soak, ...]
    checks: tuple[CheckHistory, ...]


def figures_page(snapshot: Snapshot) -> FiguresPage:
    """The page of figures."""
    return FiguresPage(
        reading=reading_of(snapshot),
        delivery=snapshot.deliveries[snapshot.goal] if snapshot.goal else None,
        stages=snapshot.stages,
        soaks=snapshot.soaks,
        checks=tuple(
            history
            for name in snapshot.environments
            for history in snapshot.histories.get(name, ())
        ),
    )
