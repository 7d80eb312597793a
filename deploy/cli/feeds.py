"""`vigia feeds`: which sources are read, whether they can be, and how they do."""

import asyncio
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlsplit

import typer
from rich.markup import escape
from rich.table import Table

from deploy.cli import console
from schemas.errors import ConfigError
from schemas.feed import Feed, Feeds, Transport
from schemas.settings import Settings, load_settings

if TYPE_CHECKING:
    from flows.feeds.discover import Candidate

app = typer.Typer(no_args_is_help=True, help="The sources: feeds.toml.")

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="As `vigia feeds list` shows them.")]


@app.callback()
def _noun() -> None:
    """The sources: feeds.toml."""


@app.command("list")
def list_feeds(
    group: Annotated[str | None, typer.Option(help="Only this group.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that are not paused.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show each source: vigia feeds list --group honduras --active."""
    feeds = [f for f in _feeds(load_settings()).feeds if group in {None, f.group} and not (active and f.paused)]
    if as_json:
        console.print_json([feed.model_dump(mode="json") for feed in feeds])
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("id", "outlet", "", "read as", "group", "url"):
        table.add_column(column, overflow="fold")
    for feed in feeds:
        where = f"{feed.language or '··'} {feed.country or ''}"
        read_as = "paused" if feed.paused else feed.transport.value
        table.add_row(*map(escape, (feed.id, feed.outlet, where, read_as, feed.group, feed.url)))
    console.console.print(table)
    asleep = sum(feed.paused for feed in feeds)
    console.stderr.print(f"{len(feeds)} sources, {asleep} of them paused", style="dim")


@app.command("test")
def try_out(
    source: Annotated[str, typer.Argument(metavar="ID|URL", help="A source of feeds.toml, or any feed's URL.")],
    entries: Annotated[int, typer.Option(min=1, max=100, help="How many of the newest to read.")] = 5,
    transport: Annotated[Transport | None, typer.Option("--as", help="What the URL is.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a source as a poll would, publish nothing, and show what would be published, or why not.

    Exit code 1 when the source can't be read or none of the entries tried would be published.
    """
    from deploy.cli.trial import show
    from flows.feeds.trial import try_source

    settings = load_settings()
    feed = _trial_feed(source, transport) if "://" in source else _named(settings, source)
    trial = _run(try_source(feed, settings, entries=entries, now=lambda: datetime.now(UTC)))
    if as_json:
        console.print_json(trial.model_dump(mode="json"))
    else:
        show(trial)
    if not trial.published:
        raise typer.Exit(1)


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="A feed, or a page or site that has one.")],
    id_: Annotated[str | None, typer.Option("--id", help="Its name everywhere. Without: after its host.")] = None,
    outlet: Annotated[str | None, typer.Option(help="The name that a reader knows. Without: the feed's title.")] = None,
    group: Annotated[str, typer.Option(help="Whatever you sort and mute by.")] = "general",
    country: Annotated[str | None, typer.Option(help="The outlet's, two letters.")] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Only list it for now.")] = False,
) -> None:
    """Find the source's feed, try it, and put it at the end of feeds.toml: vigia feeds add https://gatoencerrado.news.

    Without a feed a news sitemap is looked for. What else was found is shown.
    """
    settings = load_settings()
    path = settings.poll.feeds_file
    feeds = _feeds(settings).feeds if path.exists() else ()
    url = url if "://" in url else f"https://{url}"
    found = _run(_discover(url, settings))
    if not found:
        remedy = "Look for it by hand; a page with links can be read as a listing"
        raise ConfigError(url, "has no feed and no news sitemap that can be read", remedy=remedy)
    best = found[0]
    there = next((feed.id for feed in feeds if best.place.url in {place.url for place in feed.places}), None)
    if there is not None:
        raise ConfigError(best.place.url, f"is read already, as {there!r}")
    feed = _checked(
        id=id_ or _new_id(best.place.url, feeds),
        url=best.place.url,
        outlet=outlet or best.shown.title or urlsplit(url).netloc,
        transport=best.place.transport,
        group=group,
        country=country.upper() if country else None,
        language=best.shown.language,
        paused=paused,
    )
    _add(path, [feed])
    console.console.print(f"added {feed.id}: {feed.url} ({_kind(best)})", highlight=False, markup=False)
    for other in found[1:]:
        console.stderr.print(f"also there: {other.place.url} ({_kind(other)})", highlight=False, markup=False)


@app.command()
def pause(ids: Ids) -> None:
    """Read these sources no more, until they are resumed."""
    for one in ids:
        changed = _set_paused(one, paused=True)
        console.console.print(f"{one} is paused" if changed else f"{one} was paused already")


@app.command()
def resume(ids: Ids) -> None:
    """Read these sources again, at once: paused ones, those that failed for long, those that answered 410."""
    from flows.feeds.state import States
    from flows.feeds.turn import resumed

    settings = load_settings()
    for one in ids:
        _set_paused(one, paused=False)
        with States(settings.home) as states:
            states.save(resumed(states.load(one)), now=datetime.now(UTC))
        console.console.print(f"{one} is read again")


@app.command("import")
def import_opml(
    file: Annotated[Path, typer.Argument(help="An OPML file, as other feed readers export it.")],
    paused: Annotated[bool, typer.Option(help="Whether they are only listed for now.")] = True,
) -> None:
    """Add the feeds of an OPML file that are not there yet; paused, unless told otherwise."""
    from flows.feeds.opml import read_opml

    settings = load_settings()
    path = settings.poll.feeds_file
    feeds = list(_feeds(settings).feeds) if path.exists() else []
    try:
        body = file.read_bytes()
    except OSError as error:
        raise ConfigError(str(file), f"can't be read: {error}") from None
    outlines = read_opml(body, name=str(file))
    known = {place.url for feed in feeds for place in feed.places}
    new: list[Feed] = []
    for outline in outlines:
        if outline.url in known:
            continue
        feed = _checked(
            id=_new_id(outline.url, [*feeds, *new]),
            url=outline.url,
            outlet=outline.title or urlsplit(outline.url).netloc,
            site=outline.site,
            language=outline.language if outline.language and len(outline.language) == 2 else None,
            group=outline.group or "general",
            paused=paused,
        )
        new.append(feed)
    if new:
        _add(path, new)
    there = len(outlines) - len(new)
    console.console.print(f"{len(new)} feeds added{' (paused)' if paused and new else ''}, {there} were there")


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to. Without: standard output.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that are not paused.")] = False,
) -> None:
    """Write the feeds as OPML, which other feed readers import."""
    from flows.feeds.opml import write_opml

    feeds = [feed for feed in _feeds(load_settings()).feeds if not (active and feed.paused)]
    written = write_opml(feeds, now=datetime.now(UTC))
    if file is None:
        sys.stdout.buffer.write(written)
        return
    try:
        file.write_bytes(written)
    except OSError as error:
        raise ConfigError(str(file), f"can't be written: {error}") from None


@app.command()
def health(as_json: AsJson = False) -> None:
    """Show how each source does, the worst first: failures, and what no error tells.

    Exit code 1: one is not well, or the poller is slowed by a queue or a disk.
    """
    from flows.feeds.health import Condition, report

    settings = load_settings()
    found = report(settings.home, _feeds(settings).feeds, now=datetime.now(UTC))
    well = {Condition.WELL, Condition.NEW, Condition.ASLEEP}
    if as_json:
        console.print_json([one.model_dump(mode="json") for one in found])
    else:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("id", "condition", "last read", "last news", "next", "what is known"):
            table.add_column(column, overflow="fold")
        for one in found:
            times = (one.last_success_at, one.last_new_at, one.next_poll_at)
            table.add_row(escape(one.feed), one.condition.value, *map(_moment, times), escape(one.word))
        console.console.print(table)
    slowed = next((one.slowed for one in found if one.slowed), "")
    if slowed:
        console.stderr.print(f"the poller is {slowed}", style="yellow", highlight=False, markup=False)
    if slowed or any(one.condition not in well for one in found):
        raise typer.Exit(1)


async def _discover(url: str, settings: Settings) -> "list[Candidate]":
    from flows.feeds.discover import discover
    from flows.feeds.reach import open_reach
    from flows.feeds.readers import Readers

    now = lambda: datetime.now(UTC)  # noqa: E731
    async with Readers() as readers, open_reach(settings, readers, now=now) as reach:
        return await discover(url, reach)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Do the work without its events on the terminal: what goes wrong is in the result."""
    import logging

    import structlog

    before = structlog.get_config() if structlog.is_configured() else None
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        return asyncio.run(work)
    finally:
        structlog.configure(**before) if before else structlog.reset_defaults()


def _feeds(settings: Settings) -> Feeds:
    from flows.feeds.catalogue import load_feeds

    return load_feeds(settings.poll.feeds_file)


def _named(settings: Settings, id_: str) -> Feed:
    found = next((feed for feed in _feeds(settings).feeds if feed.id == id_), None)
    if found is None:
        remedy = "`vigia feeds list` shows them; a URL begins with https://"
        raise ConfigError(str(settings.poll.feeds_file), f"has no feed {id_!r}", remedy=remedy)
    return found


def _trial_feed(url: str, transport: Transport | None) -> Feed:
    if transport is Transport.LISTING:
        raise ConfigError(url, "a listing needs selectors", remedy="Put it into feeds.toml, then test it by its id")
    guessed = Transport.NEWS_SITEMAP if "sitemap" in url.lower() else Transport.FEED
    return _checked(id="trial", url=url, outlet=urlsplit(url).netloc or "trial", transport=transport or guessed)


def _checked(**fields: Any) -> Feed:
    from pydantic import ValidationError

    try:
        return Feed(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise ConfigError(".".join(map(str, first["loc"])) or str(fields.get("url")), first["msg"]) from None


def _new_id(url: str, feeds: "list[Feed] | tuple[Feed, ...]") -> str:
    from flows.feeds.catalogue import new_id

    return new_id(url, [feed.id for feed in feeds])


def _add(path: Path, feeds: list[Feed]) -> None:
    from flows.feeds.catalogue import add_feeds

    add_feeds(path, feeds)


def _set_paused(id_: str, *, paused: bool) -> bool:
    from flows.feeds.catalogue import set_paused

    return set_paused(load_settings().poll.feeds_file, id_, paused=paused)


def _kind(found: "Candidate") -> str:
    return f"{found.place.transport.value}, {len(found.shown.entries)} entries"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%m-%d %H:%M}" if moment else "–"
