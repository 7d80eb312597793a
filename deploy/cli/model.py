"""`vigia classify` and `vigia model`: read a text with the model, measure it, train another."""

import math
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table as Grid
from rich.text import Text

from deploy.cli import compare, console, feedback, targets
from deploy.cli.render import SIDE_STYLE
from schemas.article import Article
from schemas.classification import Classification, EntityKind, Voice
from schemas.errors import ConfigError
from schemas.identity import article_id, content_hash
from schemas.inert import plain
from schemas.settings import load_settings
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS

if TYPE_CHECKING:
    from consumers.classifier.evaluate import Table
    from consumers.classifier.model import Model

app = typer.Typer(no_args_is_help=True, help="Measure the classifier's model, or train another.")
app.add_typer(targets.app, name="target")
app.add_typer(feedback.model_app, name="feedback")
app.command()(compare.compare)

TITLE_WORDS = 40
"""A first line of no more words, with text after it, is taken for the headline."""


def classify(
    file: Annotated[str, typer.Argument(help="A text file, or - for standard input; its first line is the headline.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, for machines.")] = False,
) -> None:
    """Read a text with the model: relevance, topics and stances, each with the sentences that carried it.

    [bold]vigia classify piece.txt[/] or [bold]pbpaste | vigia classify -[/]

    Exit code 1 when the text is in no language that the model reads, is empty, or is a page's furniture.
    """
    from consumers.classifier.backend import load
    from consumers.classifier.reading import classify_articles

    article = as_article(_read(file), source=file)
    now_ms = int(time.time() * 1000)
    (said,) = classify_articles([article], model=load(load_settings().classify), now_ms=now_ms)
    if as_json:
        console.print_json(said.model_dump(mode="json", exclude={"article": {"text", "signature"}}))
    else:
        show(said)
    if said.unclassified is not None:
        raise typer.Exit(1)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="The model's folder; model.toml is written last.")],
    recipe: Annotated[Path | None, typer.Option(help="A recipe; none: the shipped model's.")] = None,
    passages: Annotated[Path | None, typer.Option(help="A folder of labelled passages; none: Vigía's own.")] = None,
    auxiliary: Annotated[
        Path | None, typer.Option(help="A folder of public sets with other targets, which teach the open stance head.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="A Hugging Face encoder laid out as BERT is; none: the packaged one.")
    ] = None,
    yardsticks: Annotated[bool, typer.Option(help="Measure simpler ways on the same passages too.")] = False,
) -> None:
    """Train a model from a pretrained encoder and labelled passages, and measure it (needs the extra `train`).

    Beside the model come report.json and pictures of the losses and of the stances meant and said. The same passages,
    recipe, versions and thread count give the same model. About half an hour on two cores.
    """
    from consumers.classifier.training import recipe as recipes
    from consumers.classifier.training import report
    from consumers.classifier.training.build import build

    chosen = recipes.load(recipe or recipes.RECIPE)
    built = build(
        chosen,
        sorted((passages or recipes.PASSAGES).glob("*.jsonl")),
        out,
        only_train=[] if passages else sorted(recipes.LISTS.glob("*.jsonl")),
        articles=None if passages else recipes.ARTICLES,
        auxiliary=auxiliary,
        base=base,
    )
    for part, table in report.write(built, out, seed=chosen.seed, yardsticks=yardsticks).items():
        _print(part, table)


@app.command("eval")
def evaluate(
    files: Annotated[list[Path], typer.Argument(help="Labelled passages, JSON lines.", exists=True, dir_okay=False)],
    whole: Annotated[bool, typer.Option("--pieces", help="The files hold whole pieces, with a title.")] = False,
    heard: Annotated[bool, typer.Option("--voices", help="The files hold texts with voices and entities.")] = False,
    samples: Annotated[int, typer.Option(min=10, help="Bootstrap samples for the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """How good the model is on labelled text: F1 with 95 % intervals, by language, register and hard case.

    `addressed`: is a target spoken of at all. `stance`: the side on those that are, a target missed counts as wrong
    (`stance_all` counts false alarms too, `side` takes the target as known). `gate_recall`: the relevant ones that the
    gate lets by. `stance_error`: how far confidence is from being right (debiased, equal-mass bins). Passages are
    also read disturbed (zero-width characters, lookalikes, capitals, no accents, scanner's errors, stuffed label
    words): the share of labels that stay. Pieces go through gate and aggregation as articles do. Voices and entities
    have precision and recall with counts: `quotes` the words alone, `voices` words and speaker, `sides` target and
    stance of the voices found, `entities` by id and exact place.
    """
    from consumers.classifier.model import load
    from consumers.classifier.training import corpus, pieces, report

    if whole and heard:
        raise ConfigError("--pieces --voices", "the files hold one or the other", remedy="Give one of the two")
    model = load(load_settings().classify)
    if heard:
        _voices(files, model, as_json=as_json)
        return
    if whole:
        found = corpus.read_pieces(files)
        table = pieces.figures(model, found, seed=seed, samples=samples)
        more: dict[str, Any] = {}
    else:
        passages = corpus.read_to_measure(files)
        table = report.figures(model, passages, seed=seed, samples=samples)
        steady = report.robustness(model, passages, seed=seed, samples=samples)
        more = {"robustness": report.plain(steady), "topics": report.topics(model, passages)}
    if as_json:
        console.print_json({"model": model.ref.id, "figures": report.plain(table), **more})
        return
    _print("pieces" if whole else "passages", table)
    if not whole:
        grid = Grid("", "labels", "passages", title="Share that stays as on clean text")
        for way, row in steady.items():
            grid.add_row(way, *(f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in row.values()))
        console.console.print(grid)
        words = ", ".join(f"{name} {row['f1']:.2f} ({row['support']})" for name, row in more["topics"].items())
        console.console.print(f"Topics, F1 (gold positives): {words}")


def _voices(files: list[Path], model: "Model", *, as_json: bool) -> None:
    from consumers.classifier.training import voices

    table = voices.plain(voices.figures(voices.read(files), model))
    if as_json:
        console.print_json({"model": model.ref.id, "figures": table})
        return
    grid = Grid("", *next(iter(table.values()), {}), title="Precision, recall (right, wrong, missed)")
    for group, row in table.items():
        cells = (
            f"{_rate(r['precision'])}, {_rate(r['recall'])} ({r['right']}, {r['wrong']}, {r['missed']})"
            for r in row.values()
        )
        grid.add_row(group, *cells)
    console.console.print(grid)


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


@app.command()
def vocabulary(
    texts: Annotated[
        list[Path], typer.Argument(help="Plain text in English and Spanish.", exists=True, dir_okay=False)
    ],
    out: Annotated[Path, typer.Option(help="Where the choice is written.")],
    size: Annotated[int, typer.Option(min=5000, help="Pieces kept at most.")] = 40_000,
) -> None:
    """Choose which pieces of the pretrained vocabulary to keep, by what the texts use (needs the extra `train`).

    A tenth of the lines is held out and tells how well the choice reads text it has not seen.
    """
    from consumers.classifier.training import pretrained
    from consumers.classifier.training import vocabulary as choice

    lines = [line for text in texts for line in text.read_text(encoding="utf-8").splitlines() if line.strip()]
    source = pretrained.read(pretrained.locate())
    held = lines[::10]
    seen = choice.count(source, [line for number, line in enumerate(lines) if number % 10])
    found = choice.coverage(source, choice.choose(source, seen, size), held)
    console.console.print(
        f"held out: {found.tokens} tokens, {found.unknown_rate:.4%} unknown, "
        f"{found.longer:.4f} tokens for one of the whole vocabulary"
    )
    choice.write(out, choice.choose(source, choice.count(source, lines), size))


def as_article(text: str, *, source: str) -> Article:
    """A text as the pipeline would carry it: a short first line is the headline, the language is guessed."""
    from flows.feeds.language import identify

    first, _, rest = text.strip().partition("\n")
    titled = bool(rest.strip()) and len(first.split()) <= TITLE_WORDS
    title, body = (first.strip(), rest.strip("\n")) if titled else ("", text)
    language, guessed = identify(text)
    now = datetime.now(UTC)
    url = f"file:{source}"
    return Article(
        article_id=article_id(url),
        url=url,
        link=url,
        feed="cli",
        outlet="cli",
        title=title[:2000],
        text=body[:400_000],
        language=language,
        language_guessed=guessed,
        published_at=now,
        date_guessed=True,
        observed_at_ms=int(now.timestamp() * 1000),
        content_hash=content_hash(title, body),
    )


def show(said: Classification) -> None:
    """One classification, as a person reads it, in the piece's own language."""
    out, language = console.console, said.article.language
    if said.unclassified is not None:
        out.print(f"not classified: {said.unclassified}", style="yellow")
        return
    verdict = "on the beat" if said.relevant else "off the beat"
    read = "" if said.read_whole else ", only headline and lead read"
    out.print(f"relevance {said.relevance:.2f} ({verdict}{read}), {len(said.passages)} passages, model {said.model.id}")
    out.print("\nTopics" if said.topics else "\nNo topic", style="bold")
    for topic in said.topics:
        out.print(f"  {topic.score:.2f}  {TOPIC_WORDS[topic.topic][language]}", highlight=False)
        _evidence(said, topic.evidence[:1])
    out.print("\nStances" if said.stances else "\nNo stance", style="bold")
    for stance in said.stances:
        line = Text(f"  {stance.confidence:.2f}  {TARGET_WORDS[stance.target][language]}: ")
        line.append(STANCE_WORDS[stance.stance][language], style=SIDE_STYLE[stance.stance])
        line.append(f" ({stance.score:+.2f}{', contested' if stance.contested else ''})", style="dim")
        out.print(line)
        _evidence(said, stance.evidence[:2])
    if said.zero_shot:
        out.print("\nStances on targets described in words (zero-shot: `vigia model target list`)", style="bold")
    for one in said.zero_shot:
        line = Text(f"  {one.confidence:.2f}  {one.target}: ")
        line.append(STANCE_WORDS[one.stance][language], style=SIDE_STYLE[one.stance])
        line.append(f" ({one.score:+.2f}, zero-shot)", style="dim")
        out.print(line)
        _evidence(said, one.evidence[:1])
    if said.voices:
        out.print("\nVoices", style="bold")
    for voice in said.voices:
        out.print(_voice(voice, language), soft_wrap=True)
    if said.entities:
        out.print("\nNamed", style="bold")
    for kind in EntityKind:
        names = [f"{plain(e.name)} ({len(e.mentions)})" for e in said.entities if e.kind is kind]
        if names:
            out.print(Text(f"  {kind}: {', '.join(names)}"), soft_wrap=True)


def _voice(voice: Voice, language: str) -> Text:
    """Who, as what, says what (between marks when quoted), and the side taken."""
    line = Text(f"  {plain(voice.speaker)}", style="" if voice.named else "italic")
    if voice.title:
        line.append(f", {plain(voice.title)}", style="dim")
    words = " ".join(plain(voice.quote).split())
    line.append(f": “{words}”" if voice.direct else f": {words}", style="not italic")
    if voice.target is not None and voice.stance is not None:
        line.append(f" [{TARGET_WORDS[voice.target][language]}: ", style="not italic")
        line.append(STANCE_WORDS[voice.stance][language], style=f"not italic {SIDE_STYLE[voice.stance]}")
        line.append("]", style="not italic")
    return line


def _evidence(said: Classification, indexes: tuple[int, ...]) -> None:
    for index in indexes:
        console.console.print(Text(f"        “{plain(said.passages[index].text)}”", style="dim"), soft_wrap=True)


def _read(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, f"can't be read as text: {error}") from None


def _print(title: str, table: "Table") -> None:
    """The figures with their intervals for all and each language, then what registers and hard cases reach."""
    main = {group: row for group, row in table.items() if ":" not in group}
    grid = Grid("", *main, title=f"{title}: value [95 % interval] (behind it)")
    for measure in table["all"]:
        figures = (row[measure] for row in main.values())
        grid.add_row(measure, *(f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}] ({f.support})" for f in figures))
    console.console.print(grid)
    rest = {group: row for group, row in table.items() if ":" in group}
    if not rest:
        return
    names = [name for name in table["all"] if name not in {"stance_all", "side"}]
    grid = Grid("", *names, title=f"{title}, by register and hard case")
    grid.columns[0].no_wrap = True
    for group, row in rest.items():
        cells = (
            "-" if math.isnan(row[name].value) else f"{row[name].value:.2f} ({row[name].support})" for name in names
        )
        grid.add_row(group, *cells)
    console.console.print(grid)
