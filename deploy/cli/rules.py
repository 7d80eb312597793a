"""`vigia rules`: what the alerts worker looks for, what it would have found, and changes to it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from consumers.rulebook import load_rules, rules_in, save_rules
from consumers.rules import edit
from deploy.cli import console, precision
from deploy.cli.moment import parse_moment
from deploy.cli.rule_fields import fields_of
from deploy.cli.rule_view import asks_for, bars, per_day, show_alerts
from deploy.cli.running import running_settings
from schemas.alert import Alert, Severity
from schemas.indices import INDICES
from schemas.rule import Rule
from schemas.rule_queries import alerts_of
from schemas.settings import load_settings

if TYPE_CHECKING:
    from consumers.archive import Client

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="What alerts are made of: rules.toml.\n\nEach rule has a [bold]kind[/]: match (a piece in its scope), "
    "threshold (so many stories at once), spike (more than usual at this hour of the week), shift (a stance that "
    "moved), first_seen (a new name), silence (an outlet gone quiet), follow (one story). docs/rules.md has an "
    "example of each.\n\n[bold]vigia rules test ID[/] shows what a rule would have sent; "
    "[bold]vigia rules diff NEW.toml[/] what a changed file would gain and lose. "
    "The worker takes a change of the file with its next batch.",
)

File = Annotated[Path | None, typer.Argument(help="Another file than the one in the settings (alert.rules_file).")]
InFile = Annotated[Path | None, typer.Option("--file", help="Another file than the one in the settings.")]
RuleId = Annotated[str, typer.Argument(metavar="ID", help="The rule's id, as `vigia rules list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, for machines.")]
Since = Annotated[str, typer.Option(help="How far back: 30d, 36h, or a date: 2026-11-24.")]
app.command()(precision.precision)


@app.callback()
def _noun() -> None:
    """What alerts are made of: rules.toml."""


def file_of(file: Path | None) -> Path:
    """The rules file meant."""
    return file or load_settings().alert.rules_file


def rule_in(rules: tuple[Rule, ...], rule_id: str) -> Rule:
    """The rule of that id. Raises ConfigError naming those that there are."""
    found = next((rule for rule in rules if rule.id == rule_id), None)
    if found is None:
        raise edit.no_such_rule(rule_id, [rule.id for rule in rules])
    return found


@app.command()
def check(file: File = None) -> None:
    """Say whether the file is right; else name the line, the field and what to do, with exit code 2."""
    rules = load_rules(file_of(file))
    asleep = sum(not rule.awake(datetime.now(UTC)) for rule in rules)
    console.console.print(f"{len(rules)} rules are right" + (f", {asleep} of them asleep" if asleep else ""))


@app.command("list")
def list_rules(file: File = None, as_json: AsJson = False) -> None:
    """Show each rule and what it asks for."""
    rules = load_rules(file_of(file))
    if as_json:
        console.print_json([rule.model_dump(mode="json") for rule in rules])
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("id", "kind", "severity", "name", "asks for"):
        table.add_column(column)
    for rule in rules:
        table.add_row(rule.id, rule.kind, condition(rule), Text(rule.name), Text(asks_for(rule)))
    console.console.print(table)


def condition(rule: Rule) -> str:
    """Its severity, or that it sleeps."""
    if not rule.enabled:
        return "asleep"
    return str(rule.severity) if rule.awake(datetime.now(UTC)) else "muted"


@app.command()
def show(rule_id: RuleId, file: InFile = None, as_json: AsJson = False) -> None:
    """Show one rule whole, what was left out included."""
    rule = rule_in(load_rules(file_of(file)), rule_id)
    if as_json:
        console.print_json(rule.model_dump(mode="json"))
        return
    console.console.print(Text(rule.name, style="bold"), Text(asks_for(rule)), sep="\n")
    written = edit.added("", rule.model_dump(mode="json", exclude_none=True))
    console.console.print(Syntax(written, "toml", background_color="default"))


@app.command("test")
def try_rule(
    rule_id: RuleId,
    since: Since = "30d",
    file: InFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the alerts that a rule would have sent, one a story or window, copies counted, and how many each day.

    It looks at what is in the index; a sleeping rule is tried as well. Exit code 1 when it would have sent none.

    [bold]vigia rules test tps-changes --since 7d[/]
    """
    rule = rule_in(load_rules(file_of(file)), rule_id)
    now = datetime.now(UTC)
    moment = parse_moment(since, now=now)
    with archive() as es:
        made = would_send(es, rule, moment, now)
    if as_json:
        console.print_json(
            {"rule": rule.id, "days": per_day(made), "alerts": [a.model_dump(mode="json") for a in made]}
        )
    else:
        days = max(1.0, (now - moment) / timedelta(days=1))
        pieces = sum(max(1, len(a.thread)) for a in made)
        console.console.print(
            f"{rule.id} would have sent {len(made)} alerts ({len(made) / days:.1f} a day, {pieces} pieces)"
        )
        bars(per_day(made))
        show_alerts(made)
    if not made:
        raise typer.Exit(1)


@app.command()
def diff(
    new: Annotated[Path, typer.Argument(metavar="NEW.toml", help="The rules as they are to become.")],
    since: Since = "30d",
    file: InFile = None,
    as_json: AsJson = False,
) -> None:
    """Show which alerts a changed rules file would have gained and lost against the rules in force.

    Rules that are the same in both are left out. Exit code 1 when nothing would change.

    [bold]cp rules.toml new.toml[/], edit, then [bold]vigia rules diff new.toml[/]
    """
    before, after = ({rule.id: rule for rule in load_rules(path)} for path in (file_of(file), new))
    now = datetime.now(UTC)
    moment = parse_moment(since, now=now)
    changes: list[dict[str, Any]] = []
    with archive() as es:
        for rule_id in sorted(before.keys() | after.keys()):
            old, fresh = before.get(rule_id), after.get(rule_id)
            if old == fresh:
                continue
            had, has = (
                {a.alert_id: a for a in would_send(es, rule, moment, now)} if rule is not None and rule.enabled else {}
                for rule in (old, fresh)
            )
            changes.append(
                {
                    "rule": rule_id,
                    "change": "added" if old is None else "removed" if fresh is None else "changed",
                    "stay": len(had.keys() & has.keys()),
                    "gained": [has[key] for key in has.keys() - had.keys()],
                    "lost": [had[key] for key in had.keys() - has.keys()],
                }
            )
    if as_json:
        console.print_json(
            [c | {side: [a.model_dump(mode="json") for a in c[side]] for side in ("gained", "lost")} for c in changes]
        )
    else:
        for change in changes:
            gained, lost = change["gained"], change["lost"]
            head = Text(f"{change['rule']} ({change['change']}): ", style="bold")
            console.console.print(head.append(f"+{len(gained)} -{len(lost)}, {change['stay']} stay", style="default"))
            show_alerts(gained, mark="+ ", style="green")
            show_alerts(lost, mark="- ", style="red")
        total = [sum(len(c[side]) for c in changes) for side in ("gained", "lost")]
        console.console.print(f"{len(changes)} rules differ: {total[0]} alerts gained, {total[1]} lost since {since}")
    if not changes:
        raise typer.Exit(1)


@app.command()
def history(
    rule_id: RuleId,
    since: Since = "30d",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the alerts that a rule has sent, the newest first, and how many each day. Exit code 1 when none."""
    from consumers.archive import refresh, search

    moment = parse_moment(since, now=datetime.now(UTC))
    with archive() as es:
        refresh(es, INDICES.alerts)
        found = search(es, alerts_of(rule_id, moment, size=limit), index=INDICES.alerts)
    known = Alert.model_fields.keys()
    sent = [Alert.model_validate({k: v for k, v in h["_source"].items() if k in known}) for h in found["hits"]["hits"]]
    buckets = found.get("aggregations", {}).get("days", {}).get("buckets", ())
    days = {str(bucket["key_as_string"])[:10]: int(bucket["doc_count"]) for bucket in buckets}
    if as_json:
        console.print_json({"rule": rule_id, "days": days, "alerts": [a.model_dump(mode="json") for a in sent]})
    else:
        total = found["hits"].get("total", {}).get("value", 0)
        console.console.print(f"{rule_id} has sent {total} alerts since {since}")
        bars(days)
        show_alerts(sent, most=limit, state=True)
    if not sent:
        raise typer.Exit(1)


@app.command()
def add(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="Lower case, digits, hyphens; stays the same for ever.")],
    name: Annotated[str, typer.Option(help="What a reader of the alert sees.")],
    kind: Annotated[str, typer.Option(help="match, threshold, spike, shift, first_seen, silence or follow.")] = "match",
    query: Annotated[str | None, typer.Option(help='Words, "phrases", + | - over headline and text.')] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Any of these topics.")] = None,
    stance: Annotated[
        list[str] | None, typer.Option(help="TARGET=SIDE, such as us_aid=against; each must hold.")
    ] = None,
    voice: Annotated[list[str] | None, typer.Option(help="Who is quoted: an id or words of the name; any.")] = None,
    entity: Annotated[list[str] | None, typer.Option(help="Who or what is named: an id or the name; any.")] = None,
    outlet: Annotated[list[str] | None, typer.Option(help="The outlet's name as feeds.toml has it; any.")] = None,
    severity: Annotated[Severity, typer.Option()] = Severity.MEDIUM,
    tag: Annotated[list[str] | None, typer.Option(help="For routing; as many as you like.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any other field: stories=5, target=us_aid, min_relevance=0.7.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be added; change nothing.")] = False,
    file: InFile = None,
) -> None:
    """Put a rule at the end of the file; comments and order of the rest stay. A wrong one changes nothing (exit 2).

    [bold]vigia rules add aid-cut --name "Aid is cut" --topic economic_aid --stance us_aid=against[/]

    [bold]vigia rules add burst --kind spike --name "A burst on TPS" --topic asylum_tps --set window_hours=6[/]
    """
    path = file_of(file)
    rule = fields_of(
        {"id": rule_id, "name": name, "kind": kind, "severity": str(severity), "query": query},
        {"topics": topic, "voices": voice, "entities": entity, "outlets": outlet, "tags": tag},
        stance or (),
        set_ or (),
    )
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    after = edit.added(text, rule)
    rules = rules_in(after, path)
    if dry_run:
        console.console.print(Syntax(edit.added("", rule), "toml", background_color="default"))
    else:
        save_rules(path, after)
    said = "would be added" if dry_run else "is added"
    console.stderr.print(
        f"{rule_id} {said}: {asks_for(rule_in(rules, rule_id))}. `vigia rules test {rule_id}` tries it"
    )


@app.command()
def enable(rule_id: RuleId, file: InFile = None) -> None:
    """Wake a rule: it alerts again, and is no longer muted."""
    path = file_of(file)
    text = edit.removed(edit.removed(path.read_text(encoding="utf-8"), rule_id, "enabled"), rule_id, "muted_until")
    save_rules(path, text)
    console.stderr.print(f"{rule_id} is awake")


@app.command()
def disable(rule_id: RuleId, file: InFile = None) -> None:
    """Put a rule to sleep until `vigia rules enable`."""
    change(rule_id, "enabled", False, file)
    console.stderr.print(f"{rule_id} sleeps until `vigia rules enable {rule_id}`")


@app.command()
def mute(
    rule_id: RuleId,
    for_: Annotated[str, typer.Option("--for", help="90m, 8h, 2d, 1w; or until a date: 2026-12-01.")] = "8h",
    file: InFile = None,
) -> None:
    """Keep a rule silent for a while. What it would have found meanwhile is not told afterwards, unless it goes on."""
    now = datetime.now(UTC).replace(microsecond=0)
    moment = parse_moment(for_, now=now)
    until = now + (now - moment) if moment <= now else moment
    change(rule_id, "muted_until", until, file)
    console.stderr.print(f"{rule_id} is silent until {until:%Y-%m-%d %H:%M} UTC")


def change(rule_id: str, key: str, value: Any, file: Path | None) -> None:
    """Set a field of a rule in the file. Raises ConfigError when the file would have a mistake."""
    path = file_of(file)
    load_rules(path)
    save_rules(path, edit.changed(path.read_text(encoding="utf-8"), rule_id, key, value))


@contextmanager
def archive() -> Iterator["Client"]:
    """The archive of the running Vigía."""
    from consumers.archive import open_archive  # here, since the client takes a second that `--help` need not

    with closing(open_archive(running_settings().elasticsearch)) as es:
        yield es


def would_send(es: "Client", rule: Rule, since: datetime, until: datetime) -> list[Alert]:
    """What the rule would have sent."""
    from consumers.rules.trial import would_send as tried

    return tried(es, rule, since, until)
