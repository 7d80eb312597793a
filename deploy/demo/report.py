"""The demonstration as a person reads it: alerts as they come, and the summary at the end."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deploy.demo.result import Agreement, Seconds, Side
from schemas.alert import Alert, Severity
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS, Stance, Target, Topic

SEVERITY_STYLE = {Severity.HIGH: "bold white on red", Severity.MEDIUM: "black on yellow", Severity.LOW: "black on cyan"}
SIDE_STYLE = {Stance.FAVOR: "green", Stance.AGAINST: "red", Stance.NEUTRAL: "dim"}


def printable(text: str) -> str:
    """Text of a stranger's made inert for a terminal: one line, no control or bidi characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def alert_text(alert: Alert, received: datetime) -> RenderableType:
    """One alert: the rule, the piece, and the sentence that caused it."""
    head = Text(f" {alert.severity.upper()} ", style=SEVERITY_STYLE[alert.severity])
    head.append(f" {alert.rule_name}", style="bold not italic default on default")
    after = received.timestamp() - alert.observed_at_ms / 1000
    lines: list[RenderableType] = [head, Text(f"{printable(alert.title)} · {printable(alert.outlet)}")]
    for evidence in alert.evidence[:1]:
        sentence = Text(f"“{printable(evidence.text)}”", style="italic")
        if evidence.speaker:
            sentence.append(f" — {printable(evidence.speaker)}", style="not italic")
        lines.append(sentence)
        if evidence.target and evidence.stance:
            side = Text(f"{STANCE_WORDS[evidence.stance]['en']} ", style=SIDE_STYLE[evidence.stance])
            side.append(TARGET_WORDS[evidence.target]["en"], style="default")
            lines.append(side.append(f", confidence {evidence.confidence:.2f}", style="dim"))
    lines.append(Text(f"{printable(alert.url)} · {after:.1f} s after it was read", style="dim"))
    return Group(lines[0], *(Padding(line, (0, 0, 0, 2)) for line in lines[1:]), Text())


def summary(
    *,
    counts: Mapping[str, int],
    topics: Sequence[tuple[Topic, int]],
    sides: Mapping[Target, Side],
    agreement: Mapping[str, Agreement],
    read: Seconds | None,
    live: Mapping[str, float],
    titles: Mapping[str, str],
) -> RenderableType:
    """Pieces by topic and side, evidence, alerts, and how fast."""
    head = Text("Summary\n", style="bold")
    head.append(
        "{published} pieces published, {relevant} on the beat in {stories} stories, {alerts} alerts "
        "from {rules} rules.".format(**counts),
        style="not bold",
    )
    by_topic = Table(title="Pieces by topic", title_justify="left", box=None, padding=(0, 2, 0, 0))
    by_topic.add_column("topic")
    by_topic.add_column("pieces", justify="right")
    by_topic.add_column("")
    most = max((count for _, count in topics), default=1)
    for topic, count in topics:
        by_topic.add_row(TOPIC_WORDS[topic]["en"], str(count), Text("▇" * round(20 * count / most), style="cyan"))
    by_side = Table(title="Who takes which side", title_justify="left", show_lines=True)
    for column in ("target", *(STANCE_WORDS[s]["en"] for s in Stance), "the sentence that says so"):
        by_side.add_column(column, justify="right" if column in {w["en"] for w in STANCE_WORDS.values()} else "left")
    for target, side in sides.items():
        sentence = Text(printable(side.sentence), style="italic")
        if side.stance is not None:
            who = f"{side.speaker}, " if side.speaker else ""
            sentence.append(f"\n{who}{side.outlet}: ", style="dim not italic")
            sentence.append(STANCE_WORDS[side.stance]["en"], style=SIDE_STYLE[side.stance])
        by_side.add_row(TARGET_WORDS[target]["en"], *(str(side.counts[s]) for s in Stance), sentence)
    speed = Text()
    if read is not None:
        speed.append(
            f"From reading to alert: median {read.median:.1f} s, longest {read.longest:.1f} s ({read.count} alerts).\n"
        )
    for url, passed in live.items():
        speed.append(f"From publication to alert: {passed:.1f} s: {printable(titles.get(url, url))}\n")
    speed.append("Labels as the writers of the pieces gave them: ", style="dim")
    speed.append(", ".join(f"{what} {value}" for what, value in agreement.items()), style="dim")
    return Group(head, Text(), by_topic, Text(), by_side, Text(), speed)
