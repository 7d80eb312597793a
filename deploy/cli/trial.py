"""What a trial of a source looks like on a terminal."""

from rich.markup import escape

from deploy.cli import console
from flows.feeds.trial import Trial


def show(trial: Trial) -> None:
    """Print it: the source in two lines, each entry in three."""
    name = f"{trial.title} · " if trial.title else ""
    out = console.console
    out.print(f"[bold]{escape(name)}{escape(trial.url)}[/]", highlight=False, soft_wrap=True)
    out.print(
        f"read as {trial.transport.value}: {trial.shown} entries, {len(trial.broken)} broken, "
        f"{trial.wire_bytes} bytes; {trial.published} of the newest {len(trial.tried)} would be published",
        highlight=False,
    )
    for one in trial.tried:
        if one.article is None:
            out.print(f"[yellow]✗[/] {escape(one.title or one.link)}\n  {escape(one.reason or '')}", highlight=False)
            continue
        article = one.article
        guessed = " (guessed)" if article.date_guessed else ""
        page = f" ({escape(one.page)})" if one.page else ""
        flags = f" · {', '.join(article.flags)}" if article.flags else ""
        out.print(f"[green]✓[/] {escape(article.title)}", highlight=False)
        out.print(
            f"  {article.published_at:%Y-%m-%d %H:%M}{guessed} · {article.language} · {len(article.text)} characters "
            f"from the {article.text_source.value}{page}{flags}\n  {escape(article.url)}",
            style="dim",
            highlight=False,
        )
    for broken in trial.broken[:5]:
        out.print(f"[yellow]✗[/] entry {broken.position + 1}: {escape(broken.reason)}", highlight=False)
