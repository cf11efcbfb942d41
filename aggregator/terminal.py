"""What all commands share: how they are declared, read the configuration, fail, and show that they work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click

from aggregator import __version__
from aggregator.config import Settings, load_settings
from aggregator.errors import AggregatorError, ConfigError
from aggregator.logs import redact

P = ParamSpec("P")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="aggregator")
def cli() -> None:
    """Poll news sources, merge what is the same article, publish feeds and a front page per section."""


def command_without_config(function: Callable[P, None]) -> click.Command:
    """A subcommand that turns our errors into a message and exit code 1."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            sys.exit(1)
        except (AggregatorError, OSError) as error:
            click.echo(f"aggregator: {redact(str(error))}", err=True)
            sys.exit(1)

    return cli.command(name=function.__name__.rstrip("_"))(run)


def command(function: Callable[P, None]) -> click.Command:
    """The same with --config."""
    option = click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        default=Path("config.toml"),
        show_default=True,
        help="The configuration file.",
    )
    return command_without_config(option(function))


def load_config(path: Path) -> Settings:
    settings = load_settings(path, environ=os.environ)
    echo_notes((*settings.notes, *settings.refused))
    return settings


def echo_notes(notes: Iterable[object]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)


@contextmanager
def show_progress(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    bar: Any
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update
