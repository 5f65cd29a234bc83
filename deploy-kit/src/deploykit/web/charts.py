"""Charts as SVG that stands in a page: no script draws them, and no style stands in them.

Each has a title and a description for those who do not see it; the numbers stand in a table beside
it. What colour says, shape says too. Colours are those of the classes in static/style.css.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from deploykit.figures.delivery import Week
from deploykit.figures.flakes import Tried
from deploykit.figures.stages import Soak, Stage
from deploykit.ledger.schema import Result

WIDTH = 400  # of every chart but the strip, in its own units: about pixels on a phone
BARS, ROW = 120, 34  # heights: of a chart with upright bars, of a row in one with lying bars
LABEL, EDGE = 14, 12  # height of a line of text; room beside the first and the last one's
STRIP, TICK = 24, 6  # the height of a strip, and the width of a tick in it


def duration(seconds: float) -> str:
    """A duration in its two greatest units: 40 s, 12 min, 3 h 20 min, 5 d 2 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    days, rest = divmod(round(seconds / 60), 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    first = next(place for place, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def weeks(weeks: Sequence[Week], name: str) -> Markup:
    """Deployments per week as upright bars; those that failed hang below the line."""
    most = max((week.finished for week in weeks), default=0) or 1
    most_failed = max((week.failed for week in weeks), default=0)
    above = BARS - 2 * LABEL - (24 if most_failed else 0)
    step = (WIDTH - 2 * EDGE) / max(len(weeks), 1)
    drawn = [_line(0, above + LABEL, WIDTH, above + LABEL, "axis")]
    for place, week in enumerate(weeks):
        left, width = EDGE + place * step + step * 0.2, step * 0.6
        height = above * week.finished / most
        drawn.append(_rect(left, above + LABEL - height, width, height, "good"))
        if week.finished:
            drawn.append(_text(left + width / 2, above + LABEL - height - 3, str(week.finished)))
        if week.failed:
            deep = 20 * week.failed / max(most_failed, 1)
            drawn.append(_rect(left, above + LABEL + 2, width, deep, "bad"))
        if len(weeks) <= 6 or place % 2 == len(weeks) % 2 ^ 1:
            drawn.append(_text(left + width / 2, BARS - 2, f"{week.begins:%d %b}", "small"))
    total, failed = sum(one.finished for one in weeks), sum(one.failed for one in weeks)
    told = (
        f"{total} deployments finished in {len(weeks)} weeks, {failed} failed or were taken back."
    )
    return _chart(name, "Deployments per week", told, WIDTH, BARS, drawn)


def stages(stages: Sequence[Stage], name: str) -> Markup:
    """The lead time of each stage as a lying bar to the median, and a line on to the longest."""
    longest = max((one.seconds.longest for one in stages if one.seconds), default=0) or 1
    drawn: list[Markup] = []
    told = []
    for place, stage in enumerate(stages):
        top = place * ROW
        title = f"{stage.source or 'cut'} → {stage.environment}"
        drawn.append(_text(0, top + LABEL - 2, title, "left"))
        if stage.seconds is None:
            drawn.append(_text(WIDTH, top + LABEL - 2, "none yet", "right"))
            continue
        median, most = stage.seconds.median, stage.seconds.longest
        said = f"{duration(median)}, at most {duration(most)}"
        drawn.append(_text(WIDTH, top + LABEL - 2, said, "right"))
        drawn.append(_line(0, top + 22, WIDTH * most / longest, top + 22, "whisker"))
        drawn.append(_rect(0, top + 18, max(1.0, WIDTH * median / longest), 8, "good"))
        told.append(f"{title}: {said}.")
    return _chart(name, "Lead time by stage", " ".join(told), WIDTH, ROW * len(stages), drawn)


def soak(soak: Soak, name: str) -> Markup:
    """How long each release soaked as a lying bar, and what policy asks for as an upright line."""
    rows = soak.releases
    most = max([soak.asked, *(one.seconds for one in rows)], default=0) or 1
    height = 18 * len(rows) + LABEL
    left, room = 90, WIDTH - 90 - 80
    drawn: list[Markup] = []
    for place, one in enumerate(rows):
        top = place * 18
        wide = max(1.0, room * one.seconds / most)
        drawn.append(_text(0, top + 12, one.version, "left"))
        drawn.append(_rect(left, top + 4, wide, 9, "good" if one.seconds >= soak.asked else "bad"))
        drawn.append(_text(left + wide + 6, top + 12, duration(one.seconds), "left small"))
    if soak.asked:
        at = left + room * soak.asked / most
        drawn.append(_line(at, 0, at, height - LABEL, "asked"))
        drawn.append(_text(at, height - 2, f"asked: {duration(soak.asked)}", "small"))
    told = f"The last {len(rows)} releases ran there before they went on to {soak.environment}."
    return _chart(name, f"Soak in {soak.source}", told, WIDTH, height, drawn)


def strip(tried: Sequence[Tried], title: str, name: str) -> Markup:
    """Attempts of a check, the oldest first: a short tick for each that passed, a high and wide one
    for each that failed."""
    drawn = [_line(0, STRIP - 1, max(1, len(tried)) * TICK, STRIP - 1, "axis")]
    for place, one in enumerate(tried):
        if one.result == Result.FAILED:
            drawn.append(_rect(place * TICK + 0.5, 2, TICK - 1, STRIP - 3, "bad"))
        else:
            drawn.append(_rect(place * TICK + 1.5, STRIP - 10, TICK - 3, 9, "good"))
    failed = sum(one.result == Result.FAILED for one in tried)
    told = f"Of the last {len(tried)} attempts {failed} failed."
    return _chart(name, title, told, max(1, len(tried)) * TICK, STRIP, drawn, "strip")


def _chart(
    name: str,
    title: str,
    told: str,
    width: float,
    height: float,
    drawn: Iterable[Markup],
    kind: str = "chart",
) -> Markup:
    """An SVG by the id `name`, with its title and what it shows in words."""
    return Markup(
        '<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        'height="{height:g}" role="img" aria-labelledby="{name}-title {name}-desc">'
        '<title id="{name}-title">{title}</title><desc id="{name}-desc">{told}</desc>{drawn}</svg>'
    ).format(
        kind=kind,
        width=width,
        height=height,
        name=name,
        title=title,
        told=told,
        drawn=Markup("").join(drawn),
    )


def _rect(left: float, top: float, width: float, height: float, kind: str) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        kind, left, top, width, height
    )


def _line(left: float, top: float, right: float, bottom: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, left, top, right, bottom
    )


def _text(left: float, bottom: float, text: str, kind: str = "middle") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
        kind, left, bottom, escape(text)
    )
