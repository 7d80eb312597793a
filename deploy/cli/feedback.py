"""`vigia feedback`: analysts' corrections of what the model says; `vigia model feedback export`: to train on them."""

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from deploy.cli import console
from deploy.cli.running import running_settings
from schemas.correction import Correction, Judged, corrected, correction_id
from schemas.errors import ConfigError
from schemas.inert import plain
from schemas.settings import Settings
from schemas.taxonomy import Stance, Target, Topic

if TYPE_CHECKING:
    from consumers.archive import Client

app = typer.Typer(no_args_is_help=True, help="Correct what the model says of a passage.")
model_app = typer.Typer(no_args_is_help=True, help="Analysts' corrections, to train on.")

Piece = Annotated[
    str, typer.Argument(metavar="ARTICLE", help="The piece's id, as `vigia search --json` has it, or URL.")
]


@contextmanager
def opened() -> "Iterator[tuple[Client, Settings]]":
    """Elasticsearch, for as long as the block runs."""
    from consumers.archive import open_archive

    settings = running_settings()
    with closing(open_archive(settings.elasticsearch)) as es:
        yield es, settings


@app.command()
def show(article: Piece) -> None:
    """The passages of a piece, numbered, each with what the model says of it."""
    from consumers.classifier.backend import load
    from consumers.feedback import judge, passages_of

    with opened() as (es, settings):
        document = _document(es, article)
        found = passages_of(document["title"], document["text"])
        grid = Table("", "passage", "labels", title=plain(document["title"]))
        for number, (text, said) in enumerate(zip(found, judge(found, load(settings.classify)), strict=True), 1):
            grid.add_row(str(number), Text(plain(text)), _words(said))
    console.console.print(grid)


@app.command()
def add(
    article: Piece,
    passage: Annotated[int, typer.Option(min=1, help="Its number, as `vigia feedback show` has it.")],
    topic: Annotated[list[Topic] | None, typer.Option(help="All topics that it has, in place of the model's.")] = None,
    no_topic: Annotated[bool, typer.Option("--no-topic", help="It has none.")] = False,
    stance: Annotated[list[str] | None, typer.Option(help="TARGET=SIDE, or TARGET=absent; others stay.")] = None,
    not_relevant: Annotated[bool, typer.Option("--not-relevant", help="It is not on the beat: no labels.")] = False,
    relevant: Annotated[bool, typer.Option("--relevant", help="It is on the beat.")] = False,
    note: Annotated[str, typer.Option("--note", "-m", help="Why.")] = "",
    by: Annotated[str | None, typer.Option("--as", help="Who you are; VIGIA_USER, else your login.")] = None,
) -> None:
    """Correct the labels of one passage. What you leave unsaid stays as the model has it: what is kept is shown.

    [bold]vigia feedback add https://news.example/a --passage 3 --stance deportation_deal=against[/]

    Corrections are only ever added, with who and when; a later one on the same passage wins. They change no document:
    the next model learns from them (`vigia model feedback export`).
    """
    from consumers import feedback
    from consumers.classifier.backend import load

    if topic and no_topic:
        raise ConfigError("--topic --no-topic", "one contradicts the other")
    if not_relevant and (relevant or topic or stance):
        raise ConfigError("--not-relevant", "a passage off the beat has no labels")
    if not (topic or no_topic or stance or relevant or not_relevant):
        raise ConfigError("feedback", "corrects nothing", remedy="Give --topic, --stance, --relevant or --not-relevant")
    sides = parse_sides(stance or [])
    with opened() as (es, settings):
        document = _document(es, article)
        found = feedback.passages_of(document["title"], document["text"])
        if passage > len(found):
            raise ConfigError("--passage", f"the piece has {len(found)}", remedy="`vigia feedback show` numbers them")
        if document["language"] not in ("en", "es"):
            raise ConfigError(article, f"is in {document['language']}, which no model of ours reads")
        text, model, now = found[passage - 1], load(settings.classify), datetime.now(UTC)
        (said,) = feedback.judge([text], model)
        labels = corrected(
            said,
            relevant=False if not_relevant else True if relevant else None,
            topics=() if no_topic else tuple(topic) if topic else None,
            stances=sides,
        )
        who = by or os.environ.get("VIGIA_USER") or getpass.getuser()
        correction = Correction(
            correction_id=correction_id(document["article_id"], text, who, now),
            article_id=document["article_id"],
            url=document["url"],
            passage=passage,
            text=text,
            language=document["language"],
            labels=labels,
            said=said,
            model=model.ref.id,
            by=who,
            at=now,
            note=note,
        )
        feedback.add(es, correction)
    console.console.print(Text(f"“{plain(text)}”", style="dim"), soft_wrap=True)
    console.console.print(f"was: {_words(said)}\nis:  {_words(labels)}", highlight=False)


@app.command("list")
def list_corrections(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Every correction, the oldest first. Exit code 1 when there are none."""
    from consumers.feedback import corrections

    with opened() as (es, _):
        found = list(corrections(es))
    if as_json:
        console.print_json([one.model_dump(mode="json") for one in found])
    else:
        grid = Table("when", "who", "passage", "was", "is")
        for one in found:
            when = f"{one.at:%Y-%m-%d %H:%M}"
            grid.add_row(when, plain(one.by), Text(plain(one.text)), _words(one.said), _words(one.labels))
        console.console.print(grid)
    if not found:
        raise typer.Exit(1)


@model_app.command()
def export(out: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="Where to; - is standard output.")]) -> None:
    """Write the corrections as labelled passages, the form that `vigia model train` and `eval` read.

    Of several corrections of one passage the last holds. Exit code 1 when there are none.
    """
    from consumers.feedback import corrections, to_train_on

    with opened() as (es, _):
        rows = to_train_on(corrections(es))
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if str(out) == "-":
        typer.echo(lines, nl=False)
    else:
        try:
            out.write_text(lines, encoding="utf-8")
        except OSError as error:
            raise ConfigError(str(out), f"can't be written: {error.strerror or error}") from None
    console.stderr.print(f"{len(rows)} passages", highlight=False)
    if not rows:
        raise typer.Exit(1)


def parse_sides(pairs: list[str]) -> dict[Target, Stance | None]:
    """`TARGET=SIDE` pairs, absent as None. Raises ConfigError naming what may be written."""
    sides: dict[Target, Stance | None] = {}
    for pair in pairs:
        target, _, side = pair.partition("=")
        if target not in set(Target):
            raise ConfigError("--stance", f"{target!r} is no target", remedy=f"One of: {', '.join(Target)}")
        if side not in {*Stance, "absent"}:
            raise ConfigError("--stance", f"{side!r} is no side", remedy=f"One of: {', '.join(Stance)}, absent")
        sides[Target(target)] = None if side == "absent" else Stance(side)
    return sides


def _document(es: "Client", article: str) -> dict[str, Any]:
    from consumers.feedback import article as find

    document = find(es, article)
    if document is None:
        raise ConfigError(article, "is no piece in the index", remedy="Give an id of `vigia search --json`, or a URL")
    return document


def _words(labels: Judged) -> str:
    if not labels.relevant:
        return "not relevant"
    sides = [f"{target}={side}" for target, side in labels.stances.items()]
    return ", ".join([*labels.topics, *sides]) or "relevant, no label"
