"""The commands. Exit codes: 0 done, 1 the input or the state is wrong, 2 wrong usage.

What only one command needs, and takes long to load (Flask, the demo), is imported in that command.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from aggregator import backups, digests, ops, rulings, running, tools
from aggregator.config import Settings
from aggregator.errors import ConfigError
from aggregator.explain import explain_entry, render_explanation
from aggregator.logs import FORMS, setup_logging
from aggregator.model import SourceStatus
from aggregator.pictures import list_picture_notices
from aggregator.statuses import list_hub_notices, list_icon_notices
from aggregator.terminal import cli, command, command_without_config, echo_notes, load_config, show_progress

_log_format = click.option(
    "--log-format",
    type=click.Choice(FORMS),
    default=FORMS[0],
    show_default=True,
    envvar="AGGREGATOR_LOG_FORMAT",
    help="json: one object a line, with source, bucket and lease. Also AGGREGATOR_LOG_FORMAT.",
)


@command
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-poll", is_flag=True, help="Serve what is stored, poll nothing.")
@_log_format
@click.option(
    "--proxies",
    type=click.IntRange(0, 9),
    default=0,
    show_default=True,
    envvar="AGGREGATOR_PROXIES",
    help="Reverse proxies in front, whose X-Forwarded-For tells visitors apart. Also AGGREGATOR_PROXIES.",
)
def serve(config_path: Path, host: str, port: int, no_poll: bool, log_format: str, proxies: int) -> None:
    """Poll on schedule and serve feeds and pages."""
    setup_logging("INFO", form=log_format)
    settings = load_config(config_path)
    _serve(settings, host=host, port=port, poll=not no_poll, log_format=log_format, proxies=proxies)


@command
@_log_format
def worker(config_path: Path, log_format: str) -> None:
    """Poll on schedule and serve nothing; any number of workers share the work.

    On any number of machines when the store is PostgreSQL; with SQLite on the machine of its file.
    """
    from aggregator.serving import work

    setup_logging("INFO", form=log_format)
    settings = load_config(config_path)
    banner = f"aggregator polls {len(settings.sources)} sources"
    work(settings, log_format=log_format, on_start=lambda: click.echo(banner))


@command
@click.option("--all", "everything", is_flag=True, help="Everything, due or not, without politeness gaps.")
@click.option("--source", "only", multiple=True, metavar="ID", help="Only this source; may be repeated.")
@click.option("--json", "as_json", is_flag=True)
def poll(config_path: Path, everything: bool, only: tuple[str, ...], as_json: bool) -> None:
    """Poll what is due once, then exit."""
    setup_logging("WARNING")
    settings = load_config(config_path)
    count = len(only) or len(settings.sources)
    with show_progress("polling", count) as progress:
        summary, reports = ops.poll_once(settings, everything=everything, only=only, progress=progress)
    for report in reports:
        if report.error is not None:
            click.echo(f"{report.source_id}: {report.error}", err=True)
    if summary.polled < summary.sources:
        left = summary.sources - summary.polled
        words = "another process polls their host, or it asked for rest"
        click.echo(f"{left} sources are left alone: {words}", err=True)
    if as_json:
        click.echo(ops.to_json(summary))
        return
    click.echo(
        f"{summary.polled} of {summary.sources} sources polled in {summary.seconds:.1f} s: "
        f"{summary.new} new, {summary.updated} updated, "
        f"{summary.not_modified} sources not modified, {summary.failed} failed"
    )


@command
@click.option("--json", "as_json", is_flag=True)
def status(config_path: Path, as_json: bool) -> None:
    """How every source fares."""
    settings = _load_for_status(config_path)
    echo_notes(running.list_notices(settings.store_url, now=datetime.now(UTC)))
    rows = ops.list_status(settings, now=datetime.now(UTC))
    for notice in list_hub_notices(settings, now=datetime.now(UTC)):
        click.echo(f"hub: {notice}", err=as_json)  # the JSON is of sources alone
    for notice in digests.list_digest_notices(settings, now=datetime.now(UTC)):
        click.echo(f"digest: {notice}", err=as_json)
    for notice in list_icon_notices(settings):
        click.echo(f"icons: {notice}", err=as_json)
    for notice in list_picture_notices(settings, now=datetime.now(UTC)):
        click.echo(f"pictures: {notice}", err=as_json)
    if as_json:
        click.echo(ops.to_json(rows))
        return
    for row in rows:
        _echo_status(row)
    merged = sum((Counter(row.merged) for row in rows), Counter())
    if merged:
        by_rule = ", ".join(f"{count} {rule}" for rule, count in merged.most_common())
        click.echo(f"entries in the article of another: {merged.total()} ({by_rule})")
    failing = sum(row.state == "error" for row in rows)
    click.echo(f"{len(rows)} sources, {failing} failing, {sum(row.entries for row in rows)} entries")


@command
@click.option("--section", metavar="ID", help="Only this section: sports, or ar/sports.")
@click.option("--source", "source_id", metavar="ID", help="Only this source.")
@click.option("--json", "as_json", is_flag=True, help="JSON Lines.")
def entries(config_path: Path, section: str | None, source_id: str | None, as_json: bool) -> None:
    """Stored entries, newest first."""
    settings = load_config(config_path)
    for entry in ops.list_entries(settings, section=section, source_id=source_id):
        if as_json:
            click.echo(ops.to_json(entry))
        else:
            click.echo(
                f"{entry.published_at:%Y-%m-%d %H:%M}  {entry.source}  {entry.title}  {entry.url or ''}"
            )


@command
@click.argument("entry_id")
@click.option("--json", "as_json", is_flag=True)
def explain(config_path: Path, entry_id: str, as_json: bool) -> None:
    """Why an entry is in its article, its story and its section.

    ENTRY_ID is an id of `aggregator entries --json`; that of an article or a story is also that of the
    entry that founded it.
    """
    settings = load_config(config_path)
    explanation = explain_entry(settings, entry_id)
    click.echo(ops.to_json(explanation) if as_json else render_explanation(explanation, settings))


@command
@click.argument("entry_id")
@click.option("--story", is_flag=True, help="Part its article from the others of the story instead.")
def split(config_path: Path, entry_id: str, story: bool) -> None:
    """Give an entry that is no copy an article of its own, for good."""
    act = rulings.split_story if story else rulings.split_article
    click.echo(act(load_config(config_path), entry_id, now=datetime.now(UTC)))


@command
@click.argument("entry_id")
@click.argument("other_id")
@click.option("--story", is_flag=True, help="Make one story of those of their articles instead.")
def merge(config_path: Path, entry_id: str, other_id: str, story: bool) -> None:
    """Make one article of those of two entries, for good; the older keeps its address."""
    act = rulings.merge_stories if story else rulings.merge_articles
    click.echo(act(load_config(config_path), entry_id, other_id, now=datetime.now(UTC)))


@command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def publish(config_path: Path, folder: Path) -> None:
    """Write the public site to DIR as files, for any web server or CDN.

    DIR changes all at once when everything is written. How to serve it is in DIR/.aggregator.
    """
    from aggregator.web.export import publish_site

    setup_logging("WARNING")
    settings = load_config(config_path)
    now = datetime.now(UTC)
    ops.prepare_store(settings, now=now)
    done = publish_site(settings, folder, now=now, show=partial(show_progress, "publishing"))
    click.echo(
        f"{done.pages} addresses in {folder}: {done.written} written, {done.kept} unchanged, "
        f"{done.removed} removed"
    )


@command
@click.option("--edition", required=True, metavar="ID", help="Of which edition: ar.")
@click.option("--date", "at", type=click.DateTime(["%Y-%m-%d"]), help="Of which day; else of today.")
@click.option("--format", "form", type=click.Choice(digests.FORMATS), default="html", show_default=True)
def digest(config_path: Path, edition: str, at: datetime | None, form: digests.Format) -> None:
    """Write the news of a day as one document to standard output: a page, plain text or an e-mail."""
    settings = load_config(config_path)
    day = None if at is None else at.date()
    click.echo(digests.make_digest(settings, edition, day, form, now=datetime.now(UTC)), nl=False)


@command
def prune(config_path: Path) -> None:
    """Forget articles older than [site] keep."""
    settings = load_config(config_path)
    if settings.keep is None:
        click.echo('nothing to prune: [site] keep = "forever"')
        return
    count = ops.prune(settings, now=datetime.now(UTC), stopping=threading.Event())
    click.echo(f"{count} articles pruned")


@command
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
def backup(config_path: Path, file: Path, overwrite: bool) -> None:
    """Write the store to FILE, also while the server runs."""
    made = backups.back_up(load_config(config_path), file, overwrite=overwrite)
    click.echo(f"{file}: {made.size_bytes / 1e6:.1f} MB, schema {made.version}, checked")


@command
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(config_path: Path, file: Path) -> None:
    """Make FILE, a backup, the store; the former one is kept beside it."""
    done = backups.restore(load_config(config_path), file, now=datetime.now(UTC))
    click.echo(f"restored {file}: schema {done.version}, now {done.migrated_to}")
    if done.kept is not None:
        click.echo(f"the former store is {done.kept}: remove it when you no longer need it")


@command
def migrate(config_path: Path) -> None:
    """Bring the store's schema up to date."""
    before, after = ops.migrate(load_config(config_path))
    click.echo(
        f"schema {after}: nothing to do" if before == after else f"schema {before or 'none'} -> {after}"
    )


@command_without_config
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def demo(host: str, port: int) -> None:
    """Serve a bundled newsroom's sources: the whole product, with no network at all."""
    from aggregator.demo.newsroom import Newsroom, demo_config
    from aggregator.demo.publisher import Publisher

    setup_logging("WARNING")
    with tempfile.TemporaryDirectory(prefix="aggregator-demo-") as folder, Publisher() as publisher:
        newsroom = Newsroom(publisher, started_at=datetime.now(UTC))
        config_path = Path(folder) / "config.toml"
        text = demo_config(publisher.url, site_url=f"http://{_shown(host)}:{port}", store_path="demo.db")
        config_path.write_text(text, encoding="utf-8")
        newsroom.start()
        try:
            _serve(load_config(config_path), host=host, port=port, poll=True)
        finally:
            newsroom.stop()


def _serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    poll: bool,
    log_format: str = FORMS[0],
    proxies: int = 0,
) -> None:
    from aggregator.serving import serve as run_service

    banner = f"aggregator serves {settings.site.title} at http://{_shown(host)}:{port}/"
    run_service(
        settings,
        host=host,
        port=port,
        poll=poll,
        log_format=log_format,
        proxies=proxies,
        on_start=lambda: click.echo(banner),
    )


def _shown(host: str) -> str:
    """The host by which a browser on this machine finds the server."""
    if host in ("127.0.0.1", "0.0.0.0", "::"):  # noqa: S104 - only compared
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _load_for_status(path: Path) -> Settings:
    """A file that is wrong does not stop the server: which configuration it goes on with."""
    try:
        return load_config(path)
    except ConfigError:
        url = running.find_store_url(path, environ=os.environ)
        echo_notes(running.list_notices(url, now=datetime.now(UTC)) if url else ())
        raise


def _echo_status(row: SourceStatus) -> None:
    success = f"{row.last_success_at:%Y-%m-%d %H:%M}" if row.last_success_at else "never"
    click.echo(f"{row.id}: {row.state}, {row.entries} entries, last success {success}")
    if row.last_error is not None:
        click.echo(
            f"    failing since {row.failing_since:%Y-%m-%d %H:%M}, {row.failures} times: {row.last_error}"
        )
        click.echo(f"    next poll {row.next_poll_at:%Y-%m-%d %H:%M} UTC")
    for problem in row.problems:
        click.echo(f"    {problem}")


__all__ = ["cli", "main", "tools"]  # importing tools makes its commands known


def main() -> None:
    cli(prog_name="aggregator")
