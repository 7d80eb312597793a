"""`vigia`: mounts the nouns and turns errors into exit codes: 1 it failed, 2 a setting or the command is wrong."""

import sys

import typer

from deploy.cli import (
    alerts,
    channels,
    config,
    console,
    dead,
    demo,
    feedback,
    feeds,
    flow,
    index,
    kibana,
    model,
    route,
    rules,
    schema,
    search,
    stack,
    teams,
    top,
)
from schemas.errors import ConfigError, VigiaError

app = typer.Typer(
    name="vigia",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Watches the news on the US–El Salvador migration talks: who takes which side on what, with the sentence "
    "that says so.\n\nStart with [bold]vigia demo[/]; run it for real with [bold]vigia up[/]; ask it with "
    "[bold]vigia search[/].",
)
app.command()(demo.demo)
for command in (stack.up, stack.status, top.top, stack.down, stack.logs, stack.doctor):
    app.command()(command)
app.command()(model.classify)
app.add_typer(search.app, name="search")
app.add_typer(index.app, name="index")
app.add_typer(alerts.app, name="alerts")
app.add_typer(channels.app, name="channels")
app.add_typer(dead.app, name="dead")
app.add_typer(feeds.app, name="feeds")
app.add_typer(feedback.app, name="feedback")
app.add_typer(rules.app, name="rules")
app.add_typer(teams.app, name="teams")
app.command()(route.route)
app.add_typer(flow.app, name="flow")
app.add_typer(model.app, name="model")
app.add_typer(kibana.app, name="kibana")
app.add_typer(config.app, name="config")
app.add_typer(schema.app, name="schema")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except ConfigError as error:
        console.fail(error)
        sys.exit(2)
    except VigiaError as error:
        console.fail(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
