"""`vigia demo`: the main job, end to end, on a news site of its own."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from deploy.cli import console
from deploy.cli.logs import log_to_file
from deploy.cli.render import SIDE_STYLE, alert_text
from deploy.demo import result
from deploy.demo.watching import Watching
from deploy.local.home import home_at
from deploy.local.state import PartState
from schemas.alert import Alert
from schemas.inert import plain
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS, Stance, Target, Topic

if TYPE_CHECKING:
    from deploy.demo.run import Demonstration


def demo(
    keep: Annotated[
        Path | None, typer.Option(help="Keep data and logs in this folder; else they are deleted at the end.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=30, help="Seconds to wait for the pieces to come through.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON document.")] = False,
) -> None:
    """See it work: a real Kafka, Elasticsearch and Prefect, a news site on this machine, alerts with their sentence.

    Starts everything in a temporary home, polls 40 pieces in English and Spanish from six feeds, classifies and
    indexes them, prints each alert as it reaches a local webhook, and ends with a summary. Nothing leaves this
    machine; the first run downloads the servers (about 170 MB), later ones need no network.
    """
    from deploy.demo.run import demonstrate  # here, since it brings the clients of all servers

    with ExitStack() as exits:
        root = keep or Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="vigia-demo-")))
        bar = exits.enter_context(
            Progress(
                TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=console.stderr, transient=True
            )
        )
        began = time.monotonic()
        home = home_at(root)
        log_to_file(home)
        done = demonstrate(home, _watching(bar, began, quiet=as_json), timeout_s=timeout)
        passed = time.monotonic() - began
    if as_json:
        console.print_json(_document(done, passed))
        return
    console.console.print(_summary(done))
    console.console.print(f"{passed:.0f} s in all. Next: `vigia up` reads real feeds; `vigia --help` shows the rest.")
    if keep is not None:
        console.console.print(f"Data and logs are in {keep}.", highlight=False)


def _watching(bar: Progress, began: float, *, quiet: bool) -> Watching:
    download = bar.add_task("Downloading Kafka and Elasticsearch", total=None, visible=False)

    def say(text: str) -> None:
        bar.console.print(f"[dim]{time.monotonic() - began:5.1f} s[/] {text}", highlight=False)

    def on_part(state: PartState) -> None:
        if state.condition in {"ready", "restarting", "unready", "failed"}:
            where = f" on 127.0.0.1:{state.port}" if state.port and state.condition == "ready" else ""
            say(f"{state.name} {state.condition}{where} {state.detail}".rstrip())

    def on_alert(alert: Alert) -> None:
        if not quiet:
            console.console.print(alert_text(alert, datetime.now(UTC)))

    def on_download(done: int, total: int) -> None:
        bar.update(download, completed=done, total=total, visible=done < total)

    return Watching(say=say, on_part=on_part, on_alert=on_alert, on_download=on_download)


def _counts(done: "Demonstration") -> dict[str, int]:
    return {
        "published": len(done.published),
        "relevant": len(done.documents),
        "stories": len({d["story_id"] for d in done.documents}),
        "alerts": len(done.received),
        "rules": len({alert.rule_id for alert, _ in done.received}),
    }


def _summary(done: "Demonstration") -> RenderableType:
    return _report(
        counts=_counts(done),
        topics=result.topic_counts(done.documents),
        sides=result.sides(done.documents),
        agreement=result.agreement(done.published, done.documents),
        read=result.seconds(result.read_to_received(done.received)),
        live=result.published_to_received(done.live, done.received),
        titles={url: piece.title for url, piece in done.published.items()},
    )


def _document(done: "Demonstration", passed: float) -> dict[str, Any]:
    return {
        **_counts(done),
        "topics": {topic.value: count for topic, count in result.topic_counts(done.documents)},
        "stances": {
            target.value: {stance.value: count for stance, count in side.counts.items()}
            for target, side in result.sides(done.documents).items()
        },
        "agreement": {
            what: [value.right, value.of] for what, value in result.agreement(done.published, done.documents).items()
        },
        "seconds_from_publication": result.published_to_received(done.live, done.received),
        "seconds_from_reading": result.read_to_received(done.received),
        "alerts_received": [alert.model_dump(mode="json") for alert, _ in done.received],
        "seconds": passed,
    }


def _report(
    *,
    counts: Mapping[str, int],
    topics: Sequence[tuple[Topic, int]],
    sides: Mapping[Target, result.Side],
    agreement: Mapping[str, result.Agreement],
    read: result.Seconds | None,
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
    by_side: list[RenderableType] = [Text("Who takes which side", style="italic")]
    for target, side in sides.items():
        line = Text(f"{TARGET_WORDS[target]['en']}: ", style="bold")
        counts_of = [Text(f"{side.counts[s]} {STANCE_WORDS[s]['en']}", style=SIDE_STYLE[s]) for s in Stance]
        by_side.append(line.append_text(Text(", ", style="not bold").join(counts_of)))
        if side.stance is not None:
            sentence = Text(f"“{plain(side.sentence)}”", style="italic")
            who = f"{plain(side.speaker)}, " if side.speaker else ""
            sentence.append(f" — {who}{plain(side.outlet)}: ", style="not italic")
            sentence.append(STANCE_WORDS[side.stance]["en"], style=SIDE_STYLE[side.stance])
            by_side.append(Padding(sentence, (0, 0, 0, 2)))
    speed = Text()
    if read is not None:
        speed.append(
            f"From reading to alert: median {read.median:.1f} s, longest {read.longest:.1f} s ({read.count} alerts).\n"
        )
    for url, passed in live.items():
        speed.append(f"From publication to alert: {passed:.1f} s: {plain(titles.get(url, url))}\n")
    speed.append("Labels as the writers of the pieces gave them: ", style="dim")
    speed.append(", ".join(f"{what} {value}" for what, value in agreement.items()), style="dim")
    return Group(head, Text(), by_topic, Text(), *by_side, Text(), speed)
