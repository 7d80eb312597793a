"""What a search found, as a person reads it and as one JSON document."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from deploy.cli import console
from deploy.cli.render import SIDE_STYLE
from schemas.clauses import MARK_END, MARK_START
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, Stance, Target

if TYPE_CHECKING:
    from consumers.search import Found, Row

SHOWN = ("topics", "outlets", "countries", "languages", "entities")


def as_document(found: "Found") -> dict[str, Any]:
    """The answer for machines: totals, facets, and each story's newest (or best) piece without its full text."""
    return {
        "pieces": found.pieces,
        "stories": found.stories,
        **{name: counts for name, counts in found.facets.items() if name not in set(Target)},
        "stances": {target.value: found.facets.get(target.value, {}) for target in Target},
        "hits": [
            {
                **{key: value for key, value in row.piece.items() if key != "text"},
                "copies": row.copies,
                "score": row.score,
                "highlights": [plain(fragment) for fragment in fragments(row)],
            }
            for row in found.rows
        ],
    }


def fragments(row: "Row", most: int = 2) -> list[str]:
    """The passages that matched, marked, without the same one found through another field; else the evidence."""
    seen: dict[str, str] = {}
    for field in ("text", "text.en", "text.es", "summary"):
        for fragment in row.passages.get(field, ()):
            seen.setdefault(plain(fragment)[:60], fragment)
    if not seen:
        return [row["text"] for row in row.piece.get("evidence", ()) if row.get("stance")][:1]
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


def show(found: "Found", *, facets: bool = False) -> None:
    """A table a person reads."""
    if not found.rows:
        console.stderr.print("Nothing found. Fewer words or filters, or an earlier --since, find more.")
        return
    table = Table(show_lines=True, expand=True)
    table.add_column("published", no_wrap=True, style="dim")
    table.add_column("outlet", max_width=18)
    table.add_column("piece", ratio=3)
    table.add_column("takes a side on", ratio=1)
    for row in found.rows:
        outlet = Text(_printable(row.piece["outlet"]))
        if row.copies > 1:
            outlet.append(f"\n+{row.copies - 1} more", style="dim")
        when = row.piece["published_at"][:16].replace("T", "\n")
        table.add_row(when, outlet, _piece(row), stances_text(row.piece, "en"))
    console.console.print(table)
    said = [f"{len(found.rows)} of {found.stories} stories, {found.pieces} pieces."]
    said += [f"{name.capitalize()}: {_few(found.facets.get(name, {}))}" for name in (SHOWN if facets else SHOWN[:1])]
    if facets:
        said += [
            f"{TARGET_WORDS[target]['en']}: {_few(sides)}"
            for target in Target
            if (sides := found.facets.get(target.value))
        ]
        said.append(f"Published: {_few(found.facets.get('days', {}), 31)}")
    else:
        said.append(f"Named: {_few(found.facets.get('entities', {}))}")
    console.console.print("\n".join(said), highlight=False, markup=False)


def _few(counts: Mapping[str, int], most: int = 10) -> str:
    return ", ".join(f"{_printable(name)} {count}" for name, count in list(counts.items())[:most]) or "none"


def _piece(row: "Row") -> Text:
    piece = Text(_printable(row.piece["title"]), style="bold")
    for fragment in fragments(row):
        piece.append("\n").append_text(marked(fragment))
    if heard := speakers(row.piece):
        piece.append(f"\n{_printable(heard)}", style="italic")
    return piece.append(f"\n{_printable(row.piece['url'])}\n{row.piece['article_id']}", style="dim")


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
