"""Charts as SVG that stands in a page: no script draws them, and no style stands in them.

Each has a title and a description for those who do not see it; the numbers stand in a table beside
it. What colour says, shape says too. Colours are those of the classes in static/style.css.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from deploykit.base import times
from deploykit.base.printable import printable
from deploykit.figures.delivery import Week
from deploykit.figures.flakes import Tried
from deploykit.figures.stages import Soak, Stage
from deploykit.ledger.schema import Result

WIDTH = 400  # of every chart but the strip, in its own units: about pixels on a phone
BARS, ROW = 120, 34  # heights: of a chart with upright bars, of a row in one with lying bars
LABEL, EDGE = 14, 12  # height of a line of text; room beside the first and the last one's
LINE, BEFORE, BEHIND = 18, 90, 80  # of a bar with words beside it: its height, and their room
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


def week_bars(weeks: Sequence[Week], name: str) -> Markup:
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
        if (len(weeks) - 1 - place) % 2 == 0 or len(weeks) <= 6:  # there is room for every second
            drawn.append(_text(left + width / 2, BARS - 2, f"{week.begins:%d %b}", "small"))
    total, failed = sum(week.finished for week in weeks), sum(week.failed for week in weeks)
    words = (
        f"{total} deployments finished in {len(weeks)} weeks, {failed} failed or were taken back."
    )
    return _chart(name, "Deployments per week", words, WIDTH, BARS, drawn)


def stage_bars(stages: Sequence[Stage], name: str) -> Markup:
    """The lead time of each stage as a lying bar to the median, and a line on to the longest."""
    longest = max((stage.seconds.longest for stage in stages if stage.seconds), default=0) or 1
    drawn: list[Markup] = []
    words = []
    for place, stage in enumerate(stages):
        top = place * ROW
        title = f"{stage.source or 'cut'} → {stage.environment}"
        drawn.append(_text(0, top + LABEL - 2, title, "left"))
        if stage.seconds is None:
            drawn.append(_text(WIDTH, top + LABEL - 2, "none yet", "right"))
            continue
        median, most = stage.seconds.median, stage.seconds.longest
        figures = f"{duration(median)}, at most {duration(most)}"
        drawn.append(_text(WIDTH, top + LABEL - 2, figures, "right"))
        drawn.append(_line(0, top + 22, WIDTH * most / longest, top + 22, "whisker"))
        drawn.append(_rect(0, top + 18, max(1.0, WIDTH * median / longest), 8, "good"))
        words.append(f"{title}: {figures}.")
    return _chart(name, "Lead time by stage", " ".join(words), WIDTH, ROW * len(stages), drawn)


def soak_bars(soak: Soak, name: str) -> Markup:
    """How long each release soaked as a lying bar, and what policy asks for as an upright line."""
    rows = soak.releases
    most = max([soak.asked, *(soaked.seconds for soaked in rows)], default=0) or 1
    height = LINE * len(rows) + LABEL
    room = WIDTH - BEFORE - BEHIND
    drawn: list[Markup] = []
    for place, soaked in enumerate(rows):
        top = place * LINE
        wide = max(1.0, room * soaked.seconds / most)
        drawn.append(_text(0, top + 12, soaked.version, "left"))
        drawn.append(
            _rect(BEFORE, top + 4, wide, 9, "good" if soaked.seconds >= soak.asked else "bad")
        )
        drawn.append(_text(BEFORE + wide + 6, top + 12, duration(soaked.seconds), "left small"))
    if soak.asked:
        at = BEFORE + room * soak.asked / most
        drawn.append(_line(at, 0, at, height - LABEL, "asked"))
        drawn.append(_text(at, height - 2, f"asked: {duration(soak.asked)}", "small"))
    words = f"The last {len(rows)} releases ran there before they went on to {soak.environment}."
    return _chart(name, f"Soak in {soak.source}", words, WIDTH, height, drawn)


def attempt_strip(tried: Sequence[Tried], check: str, name: str) -> Markup:
    """Attempts of a `check`, the oldest first: a short tick for each that passed, a high and wide
    one for each that failed; each says of which release it was, and when."""
    drawn = [_line(0, STRIP - 1, max(1, len(tried)) * TICK, STRIP - 1, "axis")]
    for place, attempt in enumerate(tried):
        left, title = place * TICK, f"{attempt.version} {attempt.result} {times.iso(attempt.time)}"
        if attempt.result == Result.FAILED:
            drawn.append(_rect(left + 0.5, 2, TICK - 1, STRIP - 3, "bad", title))
        else:
            drawn.append(_rect(left + 1.5, STRIP - 10, TICK - 3, 9, "good", title))
    failed = sum(attempt.result == Result.FAILED for attempt in tried)
    words = f"Of the last {len(tried)} attempts {failed} failed."
    return _chart(name, check, words, max(1, len(tried)) * TICK, STRIP, drawn, "strip")


def _chart(
    name: str,
    title: str,
    words: str,
    width: float,
    height: float,
    drawn: Iterable[Markup],
    kind: str = "chart",
) -> Markup:
    """An SVG by the id `name`, with its title and what it shows in words."""
    return Markup(
        '<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        'height="{height:g}" role="img" aria-labelledby="{name}-title {name}-desc">'
        '<title id="{name}-title">{title}</title><desc id="{name}-desc">{words}</desc>{drawn}</svg>'
    ).format(
        kind=kind,
        width=width,
        height=height,
        name=name,
        title=printable(title),
        words=words,
        drawn=Markup("").join(drawn),
    )


def _rect(
    left: float, top: float, width: float, height: float, kind: str, title: str = ""
) -> Markup:
    """A rectangle; its title is shown to whoever points at it."""
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">{}</rect>'
    ).format(kind, left, top, width, height, _title(title))


def _title(text: str) -> Markup:
    return Markup("<title>{}</title>").format(printable(text)) if text else Markup("")


def _line(left: float, top: float, right: float, bottom: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, left, top, right, bottom
    )


def _text(left: float, bottom: float, text: str, kind: str = "middle") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(
        kind, left, bottom, printable(text)
    )
