"""Text of the product's for a terminal: alerts, sides, and strangers' words made inert."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from schemas.alert import Alert, Severity
from schemas.inert import plain
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, Stance

SEVERITY_STYLE = {Severity.HIGH: "bold white on red", Severity.MEDIUM: "black on yellow", Severity.LOW: "black on cyan"}
SIDE_STYLE = {Stance.FAVOR: "green", Stance.AGAINST: "red", Stance.NEUTRAL: "dim"}


def alert_text(alert: Alert, received: datetime | None = None) -> RenderableType:
    """One alert: the rule, the piece, the sentence that caused it, and how long it took to be made or received."""
    head = Text(f" {alert.severity.upper()} ", style=SEVERITY_STYLE[alert.severity])
    head.append(f" {alert.rule_name}", style="bold not italic default on default")
    at_ms = alert.created_at_ms if received is None else received.timestamp() * 1000
    after = (at_ms - alert.observed_at_ms) / 1000
    lines: list[RenderableType] = [head, Text(f"{plain(alert.title)} · {plain(alert.outlet)}")]
    for evidence in alert.evidence[:1]:
        sentence = Text(f"“{plain(evidence.text)}”", style="italic")
        if evidence.speaker:
            sentence.append(f" — {plain(evidence.speaker)}", style="not italic")
        lines.append(sentence)
        if evidence.target and evidence.stance:
            side = Text(f"{STANCE_WORDS[evidence.stance]['en']} ", style=SIDE_STYLE[evidence.stance])
            side.append(TARGET_WORDS[evidence.target]["en"], style="default")
            lines.append(side.append(f", confidence {evidence.confidence:.2f}", style="dim"))
    lines.append(Text(f"{plain(alert.url)} · {after:.1f} s after it was read", style="dim"))
    return Group(lines[0], *(Padding(line, (0, 0, 0, 2)) for line in lines[1:]), Text())
