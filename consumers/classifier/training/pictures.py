"""A training run as pictures: the losses by epoch, and what was said for what was meant. Plain SVG. Pure."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from consumers.classifier.decide import STANCE_ORDER, Labels

WIDE, HIGH, MARGIN = 640, 320, 48
COLOURS = {"train": "#8c6d31", "dev": "#1f5a96"}
CELL = 84


def curve(rows: Sequence[Mapping[str, float]]) -> str:
    """Losses on training and development passages by epoch."""
    most = max(value for row in rows for name, value in row.items() if name != "epoch" and not np.isnan(value))
    last = max(row["epoch"] for row in rows)

    def at(epoch: float, loss: float) -> tuple[float, float]:
        across = MARGIN + (WIDE - 2 * MARGIN) * epoch / max(last, 1)
        return round(across, 1), round(HIGH - MARGIN - (HIGH - 2 * MARGIN) * loss / most, 1)

    drawn = [
        _line((MARGIN, HIGH - MARGIN), (WIDE - MARGIN, HIGH - MARGIN)),
        _line((MARGIN, MARGIN), (MARGIN, HIGH - MARGIN)),
    ]
    for epoch in range(int(last) + 1):
        x, _ = at(epoch, 0)
        drawn.append(_text(x, HIGH - MARGIN + 18, str(epoch), "middle"))
    for loss in np.linspace(0, most, 5):
        _, y = at(0, float(loss))
        drawn.append(_text(MARGIN - 8, y + 4, f"{loss:.1f}", "end"))
    for turn, (name, colour) in enumerate(COLOURS.items()):
        points = [at(row["epoch"], row[name]) for row in rows if not np.isnan(row[name])]
        path = " ".join(f"{x},{y}" for x, y in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(_text(WIDE - MARGIN, MARGIN + 16 * turn, f"{name} loss", "end", colour))
    return _svg(WIDE, HIGH, drawn, "Loss by epoch")


def confusion(gold: Labels, said: Labels) -> str:
    """Stances over all passage-target pairs: a row for what was meant, a column for what was said."""
    size = len(STANCE_ORDER)
    counts: npt.NDArray[np.int64] = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (gold.stance.ravel(), said.stance.ravel()), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    drawn = []
    for row, meant in enumerate(STANCE_ORDER):
        drawn.append(_text(CELL - 8, CELL * (row + 1) + CELL / 2, meant, "end"))
        drawn.append(_text(CELL * (row + 1) + CELL / 2, CELL - 12, meant, "middle"))
        for column in range(size):
            x, y, share = CELL * (column + 1), CELL * (row + 1), shares[row, column]
            shade = f"rgb({round(255 - 224 * share)},{round(255 - 165 * share)},{round(255 - 105 * share)})"
            drawn.append(f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{shade}" stroke="#fff"/>')
            colour = "#fff" if share > 0.55 else "#222"
            drawn.append(_text(x + CELL / 2, y + CELL / 2, str(counts[row, column]), "middle", colour))
            drawn.append(_text(x + CELL / 2, y + CELL / 2 + 18, f"{share:.0%}", "middle", colour))
    drawn.append(_text(8, 20, "meant (rows), said (columns)", "start"))
    return _svg(CELL * (size + 1) + 16, CELL * (size + 1) + 16, drawn, "Stances meant and said")


def _svg(wide: int, high: int, drawn: Sequence[str], title: str) -> str:
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="12">'
    )
    ground = f'<title>{escape(title)}</title><rect width="{wide}" height="{high}" fill="#fff"/>'
    return "\n".join([start, ground, *drawn, "</svg>"]) + "\n"


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    return f'<line x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}" stroke="#888"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#222") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
