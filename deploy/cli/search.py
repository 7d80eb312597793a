"""`vigia search`: one row a story, with the words that matched; to a file, all of them; kept under a name."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deploy.cli import console, export, saved
from deploy.cli.found import as_document, show
from deploy.cli.running import running_settings
from schemas.errors import ConfigError
from schemas.question import Question
from schemas.taxonomy import Stance, Target, Topic


class Words(TyperGroup):
    """`vigia search WORDS` means `vigia search find WORDS`; `save NAME` and `run NAME` are `find` under a name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `find` before what names no other verb."""
        verb = args[0] if args else ""
        if verb in {"save", "run"} and {"--help", "-h"} & set(args):
            args = ["find", "--help"]
        elif verb in {"save", "run"}:
            if len(args) < 2 or args[1].startswith("-"):
                raise ConfigError(f"search {verb}", "names no search", remedy=f"vigia search {verb} NAME …")
            args = ["find", "--save" if verb == "save" else "--saved", *args[1:]]
        elif verb not in self.commands:
            args = ["find", *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=Words, help="Find pieces by words, by what they say and who says it, or by what they are near to."
)

File = Annotated[
    Path, typer.Option("--searches", envvar="VIGIA_SEARCHES", help="Where searches are kept.", rich_help_panel="Keep")
]
SEARCHES = Path("searches.toml")
WHO, WHEN, OUT, KEEP = "By who and what", "By when and how sure", "What comes out", "Keep"


@app.command()
def find(
    words: Annotated[
        list[str] | None, typer.Argument(help='Words, "exact phrases", +must, -not, one | other.', metavar="[WORDS]")
    ] = None,
    semantic: Annotated[
        str | None, typer.Option(help="What it is about, in either language; finds pieces in both.", metavar="TEXT")
    ] = None,
    like: Annotated[str | None, typer.Option(help="More like this piece.", metavar="ARTICLE_ID")] = None,
    stance: Annotated[
        list[str] | None,
        typer.Option(help="TARGET=SIDE, such as deportation_deal=against; each must hold.", rich_help_panel=WHO),
    ] = None,
    topic: Annotated[list[Topic] | None, typer.Option(help="Any of these topics.", rich_help_panel=WHO)] = None,
    voice: Annotated[
        str | None,
        typer.Option("--voice", "--speaker", help="Words of the name of someone quoted.", rich_help_panel=WHO),
    ] = None,
    voice_stance: Annotated[
        list[str] | None, typer.Option(help="TARGET=SIDE that someone quoted (--voice) takes.", rich_help_panel=WHO)
    ] = None,
    entity: Annotated[
        list[str] | None,
        typer.Option(help='Who or what is named: cecot, "State Department"; each must be.', rich_help_panel=WHO),
    ] = None,
    outlet: Annotated[list[str] | None, typer.Option(help="The outlet's name as shown.", rich_help_panel=WHO)] = None,
    country: Annotated[
        list[str] | None, typer.Option(help="The outlet's: SV, US and so on.", rich_help_panel=WHO)
    ] = None,
    lang: Annotated[list[str] | None, typer.Option("--lang", "--language", help="en, es.", rich_help_panel=WHO)] = None,
    feed: Annotated[list[str] | None, typer.Option(help="The feed's id in feeds.toml.", rich_help_panel=WHO)] = None,
    since: Annotated[str | None, typer.Option(help="7d, 36h, 2w, or a date: 2026-11-24.", rich_help_panel=WHEN)] = None,
    until: Annotated[str | None, typer.Option(help="The same; before that moment.", rich_help_panel=WHEN)] = None,
    min_relevance: Annotated[
        float | None, typer.Option(min=0, max=1, help="How surely on the beat.", rich_help_panel=WHEN)
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of each --stance, or of any when none is given.", rich_help_panel=WHEN),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="date or score (the default of --semantic, --like).", rich_help_panel=OUT)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Stories shown.", rich_help_panel=OUT)] = 20,
    facets: Annotated[
        bool, typer.Option("--facets", help="Count pieces by outlet, country, side and day too.", rich_help_panel=OUT)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document, for machines.", rich_help_panel=OUT)
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write all that is found to FILE.csv, .jsonl or .ndjson.", metavar="FILE", rich_help_panel=OUT
        ),
    ] = None,
    stories: Annotated[
        bool, typer.Option("--stories", help="With --out: one row a story, not one a piece.", rich_help_panel=OUT)
    ] = False,
    save: Annotated[
        str | None,
        typer.Option(help="Keep this search under a name, and ask it.", metavar="NAME", rich_help_panel=KEEP),
    ] = None,
    from_saved: Annotated[
        str | None,
        typer.Option(
            "--saved", help="Ask the one kept; what else is given counts instead.", metavar="NAME", rich_help_panel=KEEP
        ),
    ] = None,
    searches: File = SEARCHES,
) -> None:
    """Find pieces: one row a story, the words found in bold. `find` may be left out.

    [bold]vigia search "deportation agreement" --stance deportation_deal=against --since 7d --lang es[/]

    [bold]vigia search --semantic "condiciones en la cárcel" --lang en[/]  (Spanish asked, English found)

    [bold]vigia search --voice Bukele --voice-stance us_aid=favor --out voices.csv[/]

    [bold]vigia search save aid --stance us_aid=against --since 7d[/], then [bold]vigia search run aid[/]; also
    [bold]vigia search list[/] and [bold]vigia search drop aid[/]

    All that docs/search.md describes. Exit code 1 when nothing is found.
    """
    given = {
        "words": " ".join(words) if words else None,
        "semantic": semantic,
        "like": like,
        "stances": parse_stances(stance or (), "--stance"),
        "topics": tuple(topic or ()),
        "voice": voice,
        "voice_stances": parse_stances(voice_stance or (), "--voice-stance"),
        "entities": tuple(parse_entity(name) for name in entity or ()),
        "outlets": tuple(outlet or ()),
        "countries": tuple(one.upper() for one in country or ()),
        "languages": tuple(one.lower() for one in lang or ()),
        "feeds": tuple(feed or ()),
        "since": since,
        "until": until,
        "min_relevance": min_relevance,
        "min_confidence": min_confidence,
        "by": by,
    }
    kept = saved.get(searches, from_saved) if from_saved else Question()
    question = saved.question("search", kept.model_dump() | {key: value for key, value in given.items() if value})
    if save:
        saved.keep(searches, save, question)
        console.stderr.print(f"kept as {save} in {searches}: vigia search run {save}", markup=False)
    answer(question, limit=limit, facets=facets, as_json=as_json, out=out, stories=stories)


def answer(question: Question, *, limit: int, facets: bool, as_json: bool, out: Path | None, stories: bool) -> None:
    """Ask, and show or write what is found. Raises typer.Exit with 1 when that is nothing."""
    # imported here: the client takes half a second, which `vigia --help` need not
    from consumers.archive import open_archive
    from consumers.search import ask, ask_all, embedder

    settings = running_settings()
    embed = embedder(settings.classify)
    with closing(open_archive(settings.elasticsearch)) as es:
        if out is not None:
            with console.progress() as display:
                task = display.add_task("pieces written", total=None)
                rows = ask_all(es, question, embed=embed, stories=stories)
                count = export.write(rows, out, told=lambda n: display.update(task, completed=n))
            console.stderr.print(f"{count} {'stories' if stories else 'pieces'} written to {out}", markup=False)
            some = count > 0
        else:
            found = ask(es, question, embed=embed, size=limit)
            if as_json:
                console.print_json(as_document(found))
            else:
                show(found, facets=facets)
            some = bool(found.rows)
    if not some:
        raise typer.Exit(1)


@app.command("list")
def list_searches(
    searches: File = SEARCHES, as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """The searches that are kept."""
    kept = saved.read(searches)
    if as_json:
        console.print_json({name: saved.plain(one) for name, one in kept.items()})
        return
    for name, one in kept.items():
        said = ", ".join(f"{key} {_told(value)}" for key, value in saved.plain(one).items())
        console.console.print(f"{name}: {said or 'everything'}", markup=False, highlight=False, soft_wrap=True)
    if not kept:
        console.stderr.print("None yet. Keep one: vigia search save NAME WORDS --since 7d")


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={side}" for key, side in value.items())
    return " | ".join(map(str, value)) if isinstance(value, list) else str(value)


@app.command()
def drop(name: Annotated[str, typer.Argument(help="The search's name.")], searches: File = SEARCHES) -> None:
    """Forget a search that was kept."""
    saved.drop(searches, name)
    console.stderr.print(f"dropped {name}", markup=False)


def parse_stances(pairs: Sequence[str], option: str = "--stance") -> dict[Target, Stance]:
    """`TARGET=SIDE` pairs. Raises ConfigError naming what may be written."""
    stances = {}
    for pair in pairs:
        target, _, side = pair.partition("=")
        if target not in list(Target):
            raise ConfigError(option, f"{target!r} is no target", remedy=f"One of: {', '.join(Target)}")
        if side not in list(Stance):
            raise ConfigError(option, f"{side!r} is no side", remedy=f"One of: {', '.join(Stance)}")
        stances[Target(target)] = Stance(side)
    return stances


def parse_entity(name: str) -> str:
    """The id of an entity given by id or by any of its names. Raises ConfigError naming what comes near."""
    from consumers.classifier.entities.find import find
    from consumers.classifier.entities.gazetteer import gazetteer

    entries = gazetteer().entries
    if name in entries or name.startswith("other:"):
        return name
    for found in find(name):
        if (found.start, found.end) == (0, len(name)):
            return found.entry.id
    words = name.casefold().split()
    near = [i for i, e in entries.items() if any(w in f"{i} {' '.join(e.names.values())}".casefold() for w in words)]
    raise ConfigError(
        "--entity",
        f"{name!r} is no entity of the beat",
        remedy=f"Near it: {', '.join(near[:8])}" if near else "An id as `vigia search --json` shows them, or a name",
    )
