"""`vigia search`: one row a story, with the words that matched."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from deploy.cli import console
from deploy.cli.moment import parse_moment
from deploy.cli.render import SIDE_STYLE
from deploy.cli.running import running_settings
from schemas.clauses import MARK_END, MARK_START
from schemas.errors import ConfigError
from schemas.queries import search as body_of
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, Stance, Target, Topic


def search(
    words: Annotated[str, typer.Argument(help='Words, "exact phrases", +must, -not, one | other.')] = "",
    stance: Annotated[
        list[str] | None, typer.Option(help="TARGET=SIDE, such as deportation_deal=against; each one must hold.")
    ] = None,
    topic: Annotated[list[Topic] | None, typer.Option(help="Any of these topics.")] = None,
    lang: Annotated[list[str] | None, typer.Option(help="en, es.")] = None,
    outlet: Annotated[list[str] | None, typer.Option(help="The outlet's name as shown.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="SV, US and so on.")] = None,
    entity: Annotated[
        list[str] | None, typer.Option(help='Who or what is named: cecot, "State Department"; each one must be.')
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Words of a quoted speaker's name.")] = None,
    since: Annotated[str | None, typer.Option(help="7d, 36h, 2w, or a date: 2026-11-24.")] = None,
    until: Annotated[str | None, typer.Option(help="The same; pieces before that moment.")] = None,
    min_relevance: Annotated[float, typer.Option(min=0, max=1)] = 0.0,
    by: Annotated[str, typer.Option(help="date or score.")] = "date",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Stories shown.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document, for machines.")] = False,
) -> None:
    """Find pieces by words, topic, stance, names, language and date: one row a story, the words found in bold.

    [bold]vigia search "deportation agreement" --stance deportation_deal=against --since 7d --lang es[/]

    Exit code 1 when nothing is found.
    """
    # imported here: the client takes half a second, which `vigia --help` need not
    from consumers.archive import open_archive
    from consumers.archive import search as run

    if by not in ("date", "score"):
        raise ConfigError("--by", f"{by!r} is neither date nor score")
    now = datetime.now(UTC)
    body = body_of(
        words or None,
        topics=topic or (),
        stances=parse_stances(stance or ()),
        languages=lang or (),
        outlets=outlet or (),
        countries=country or (),
        entities=[parse_entity(name) for name in entity or ()],
        speaker=speaker,
        since=parse_moment(since, now=now) if since else None,
        until=parse_moment(until, now=now) if until else None,
        min_relevance=min_relevance,
        sort="date" if by == "date" else "score",
        size=limit,
    )
    with closing(open_archive(running_settings().elasticsearch)) as archive:
        found = run(archive, body)
    if as_json:
        console.print_json(as_document(found))
    else:
        show(found)
    if not found["hits"]["hits"]:
        raise typer.Exit(1)


def parse_stances(pairs: Sequence[str]) -> dict[Target, Stance]:
    """`TARGET=SIDE` pairs. Raises ConfigError naming what may be written."""
    stances = {}
    for pair in pairs:
        target, _, side = pair.partition("=")
        if target not in list(Target):
            raise ConfigError("--stance", f"{target!r} is no target", remedy=f"One of: {', '.join(Target)}")
        if side not in list(Stance):
            raise ConfigError("--stance", f"{side!r} is no side", remedy=f"One of: {', '.join(Stance)}")
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


def as_document(found: Mapping[str, Any]) -> dict[str, Any]:
    """The answer for machines: totals, facets, and each story's newest (or best) piece without its full text."""
    aggregations = found.get("aggregations", {})
    return {
        "pieces": found["hits"]["total"]["value"],
        "stories": aggregations.get("stories", {}).get("value", 0),
        "topics": _counts(aggregations.get("topics", {})),
        "entities": _counts(aggregations.get("entities", {})),
        "stances": {target.value: _counts(aggregations.get(target.value, {})) for target in Target},
        "hits": [
            {
                **{key: value for key, value in hit["_source"].items() if key != "text"},
                "copies": copies(hit),
                "highlights": [plain(fragment) for fragment in fragments(hit)],
            }
            for hit in found["hits"]["hits"]
        ],
    }


def _counts(aggregation: Mapping[str, Any]) -> dict[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in aggregation.get("buckets", ())}


def copies(hit: Mapping[str, Any]) -> int:
    """How many pieces the hit's story has, itself included."""
    count: int = hit["inner_hits"]["copies"]["hits"]["total"]["value"]
    return count


def fragments(hit: Mapping[str, Any], most: int = 2) -> list[str]:
    """The passages that matched, marked, without the same one found through another field; else the evidence."""
    seen: dict[str, str] = {}
    for field in ("text", "text.en", "text.es", "summary"):
        for fragment in hit.get("highlight", {}).get(field, ()):
            seen.setdefault(plain(fragment)[:60], fragment)
    if not seen:
        return [row["text"] for row in hit["_source"].get("evidence", ()) if row.get("stance")][:1]
    return list(seen.values())[:most]


def plain(fragment: str) -> str:
    """A fragment without its marks."""
    return fragment.replace(MARK_START, "").replace(MARK_END, "")


def marked(fragment: str) -> Text:
    """A fragment with what was found in bold; control characters of hostile text are dropped."""
    text = Text()
    for i, piece in enumerate(fragment.replace("\n", " ").split(MARK_START)):
        found, _, rest = piece.partition(MARK_END) if i else ("", "", piece)
        text.append(_printable(found), style="bold yellow")
        text.append(_printable(rest))
    return text


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())


def show(found: Mapping[str, Any]) -> None:
    """A table a person reads."""
    document = as_document(found)
    hits = found["hits"]["hits"]
    if not hits:
        console.stderr.print("Nothing found. Fewer words or filters, or an earlier --since, find more.")
        return
    table = Table(show_lines=True, expand=True)
    table.add_column("published", no_wrap=True, style="dim")
    table.add_column("outlet", max_width=18)
    table.add_column("piece", ratio=3)
    table.add_column("takes a side on", ratio=1)
    for hit in hits:
        source = hit["_source"]
        piece = Text(_printable(source["title"]), style="bold")
        for fragment in fragments(hit):
            piece.append("\n").append_text(marked(fragment))
        heard = speakers(source)
        if heard:
            piece.append(f"\n{_printable(heard)}", style="italic")
        piece.append(f"\n{_printable(source['url'])}", style="dim")
        number = copies(hit)
        outlet = Text(_printable(source["outlet"]))
        if number > 1:
            outlet.append(f"\n+{number - 1} more", style="dim")
        table.add_row(source["published_at"][:16].replace("T", "\n"), outlet, piece, stances_text(source, "en"))
    console.console.print(table)
    shown = len(hits)
    console.console.print(
        f"{shown} of {document['stories']} stories, {document['pieces']} pieces. Topics: "
        + (", ".join(f"{name} {count}" for name, count in document["topics"].items()) or "none")
        + "\nNamed: "
        + (", ".join(f"{name} {count}" for name, count in list(document["entities"].items())[:10]) or "nobody"),
        highlight=False,
    )


def speakers(source: Mapping[str, Any], most: int = 3) -> str:
    """Who is quoted, each once, as the piece calls them."""
    names = list(dict.fromkeys(v["speaker"] for v in source.get("voices", ()) if v.get("named", True)))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"Speaking: {', '.join(names[:most])}{more}" if names else ""


def stances_text(source: Mapping[str, Any], language: str) -> Text:
    """Each target that the piece addresses with the side it takes, as a reader sees it."""
    text = Text()
    for target in Target:
        side = source.get("stance", {}).get(target.value)
        if side is None:
            continue
        if text:
            text.append("\n")
        text.append(f"{STANCE_WORDS[Stance(side)][language]}", style=SIDE_STYLE[Stance(side)])
        text.append(f" {TARGET_WORDS[target][language]}")
        if target.value in source.get("contested", ()):
            text.append(" (contested)", style="dim")
    return text
