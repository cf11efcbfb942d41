"""The commands around config.toml: check, schema, add, preview, import, export, replay."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from aggregator import opml, ops
from aggregator.adding import Proposal, add_source, propose_source
from aggregator.config import Settings, load_settings, render_reference, render_schema
from aggregator.config.editing import NewSource
from aggregator.errors import ConfigError
from aggregator.logs import redact, setup_logging
from aggregator.previewing import Preview, PreviewItem, preview_source
from aggregator.probe import Finding, describe_probe, open_prober
from aggregator.replay import replay as compare_feeds
from aggregator.terminal import command, command_without_config, echo_notes, load_config, show_progress

_TIME = "%Y-%m-%d %H:%M"


@command
@click.option("--online", is_flag=True, help="Fetch every source once, too; nothing is stored.")
@click.option("--json", "as_json", is_flag=True, help="The problems; with --online, what each source is.")
def check(config_path: Path, online: bool, as_json: bool) -> None:
    """Read the configuration and list all that is wrong with it."""
    settings = _check(config_path, as_json=as_json)
    if online:
        _check_online(settings, as_json=as_json)
        return
    if as_json:
        click.echo("[]")
        return
    sections = len(settings.site.sections)
    click.echo(f"{config_path}: {len(settings.sources)} sources in {sections} sections, no errors")


def _check(config_path: Path, *, as_json: bool) -> Settings:
    try:
        settings = load_settings(config_path, environ=os.environ)
        echo_notes(settings.notes)
        if settings.refused:
            raise ConfigError(settings.refused)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(ops.to_json(error.details))
        sys.exit(1)
    return settings


def _check_online(settings: Settings, *, as_json: bool) -> None:
    setup_logging("ERROR")
    with open_prober(settings) as prober, show_progress("asking", len(settings.sources)) as progress:
        probes = prober.probe_all(settings.sources, now=_now, progress=progress)
    findings = [describe_probe(probe) for probe in probes]
    failed = sum(finding.error is not None for finding in findings)
    if as_json:
        click.echo(ops.to_json(findings))
    else:
        for finding in findings:
            _echo_finding(finding)
        click.echo(f"{len(findings)} sources asked, {failed} cannot be polled")
    if failed:
        sys.exit(1)


def _echo_finding(finding: Finding, *, configured: bool = True) -> None:
    name = finding.id if configured else finding.url
    if finding.error is not None:
        click.echo(f"{name}: {finding.error}", err=True)
    else:
        newest = f", newest {finding.newest_at:{_TIME}} UTC" if finding.newest_at else ""
        language = f", {finding.language}" if finding.language else ""
        title = f' "{finding.title}"' if finding.title else ""
        click.echo(f"{name}: {finding.format}{title}, {finding.items} items{newest}{language}")
    for line in (*_list_redirects(finding), *finding.hints, *finding.problems):
        click.echo(f"    {line}", err=finding.error is not None)


def _list_redirects(finding: Finding) -> list[str]:
    if finding.moved_to is not None:
        return [f'has moved for good: write url = "{finding.moved_to}"']
    return [f"redirects to {url}" for url in finding.redirects[-1:]]


@command_without_config
@click.option("--markdown", is_flag=True, help="docs/config.md instead.")
def schema(markdown: bool) -> None:
    """Write the JSON Schema of config.toml to standard output, for editors."""
    click.echo(render_reference() if markdown else render_schema(), nl=False)


@command
@click.argument("url")
@click.option("--id", "source_id", metavar="ID", help="Its id; without it a suggestion is shown.")
@click.option("--name", metavar="NAME", help="The publisher, as readers see it; likewise.")
@click.option("--section", metavar="ID", help="The section it goes to: sports, or ar/sports.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the suggestions.")
def add(
    config_path: Path, url: str, source_id: str | None, name: str | None, section: str | None, yes: bool
) -> None:
    """Add the feed at URL, or the one that the web page there names, to the configuration."""
    asks = not yes
    if asks and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("there is no terminal to ask on: say --yes, with --section ID")
    setup_logging("ERROR")
    settings = load_config(config_path)
    home = None if section is None else settings.get_section(section).ref
    if home is None and not asks and len(settings.site.sections) != 1:
        raise click.UsageError("which section it goes to is not known: say --section ID")
    with open_prober(settings) as prober:
        choose = _ask_which if asks else _take_first
        proposal = propose_source(settings, prober, url, environ=os.environ, now=_now(), choose=choose)
    _echo_proposal(proposal)
    new = NewSource(
        id=source_id or (click.prompt("id", default=proposal.id) if asks else proposal.id),
        name=name or (click.prompt("name", default=proposal.name) if asks else proposal.name),
        url=proposal.url,
        section=home or _find_section(settings, asks=asks),
    )
    if asks and not click.confirm(f"write it into {config_path}?", default=True):
        click.echo("nothing was written")
        return
    add_source(load_settings(config_path, environ=os.environ), new, environ=os.environ)
    click.echo(f"added {new.id} to {new.section}: aggregator poll --source {new.id}")


def _take_first(feeds: tuple[str, ...]) -> str:
    first, *others = feeds
    click.echo(f"the page names the feed {redact(first)}", err=True)
    for other in others:
        click.echo(f"    and {redact(other)}", err=True)
    return first


def _ask_which(feeds: tuple[str, ...]) -> str:
    click.echo("this is a web page, which names:")
    for number, feed in enumerate(feeds, 1):
        click.echo(f"    {number}  {redact(feed)}")
    number = 1
    if len(feeds) > 1:
        number = click.prompt("which one", default=1, type=click.IntRange(1, len(feeds)))
    return feeds[number - 1]


def _echo_proposal(proposal: Proposal) -> None:
    _echo_finding(proposal.finding, configured=False)
    for entry in proposal.newest:
        click.echo(f"    {entry.published_at:{_TIME}}  {entry.title}")


def _find_section(settings: Settings, *, asks: bool) -> str:
    refs = [section.ref for section in settings.site.sections]
    if len(refs) == 1 or not asks:
        return refs[0]
    chosen: str = click.prompt("section", type=click.Choice(refs))
    return chosen


@command
@click.argument("source", metavar="URL-OR-ID")
@click.option("--section", metavar="ID", help="The section that a feed not configured would be given.")
@click.option("--json", "as_json", is_flag=True)
def preview(config_path: Path, source: str, section: str | None, as_json: bool) -> None:
    """What a poll would keep, drop or merge of a feed, where it would go, and why; nothing is stored."""
    setup_logging("ERROR")
    settings = load_config(config_path)
    with open_prober(settings) as prober:
        found = preview_source(
            settings,
            prober,
            source,
            section=section,
            environ=os.environ,
            now=_now(),
            choose=_take_first,
        )
    if as_json:
        click.echo(ops.to_json(found))
    else:
        _echo_preview(found)


def _echo_preview(found: Preview) -> None:
    _echo_finding(found.source, configured=found.configured)
    for item in found.items:
        _echo_item(item)
    decisions = [item.decision for item in found.items]
    counts = ", ".join(f"{decisions.count(kind)} {kind}" for kind in dict.fromkeys(decisions))
    click.echo(counts or "no items")
    if not found.configured:
        click.echo("it is no source yet: aggregator add makes it one")


def _echo_item(item: PreviewItem) -> None:
    into = f" into {item.article}" if item.article else ""
    click.echo(f"{item.decision}{into}: {item.published_at:{_TIME}}  {item.title}")
    click.echo(f"    {item.why}")
    if item.section is not None:
        click.echo(f"    {item.section}: {item.section_why}")


@command
@click.argument("file", type=click.File("rb"))
@click.option("--section", metavar="ID", help="Where feeds go whose group is no section of ours.")
@click.option("--dry-run", is_flag=True, help="Show what would change in the file, and change nothing.")
def import_(config_path: Path, file: BinaryIO, section: str | None, dry_run: bool) -> None:
    """Add the feeds of an OPML FILE to the configuration."""
    settings = load_config(config_path)
    result = opml.import_opml(settings, file.read(), section=section, environ=os.environ, dry_run=dry_run)
    if dry_run and result.change:
        click.echo(result.change)
    for source_id in () if dry_run else result.added:
        click.echo(f"added {source_id}")
    for sentence in (*result.known, *result.refused):
        click.echo(sentence, err=True)
    would = "would be " if dry_run else ""
    known, refused = len(result.known), len(result.refused)
    click.echo(f"{len(result.added)} {would}added, {known} were there already, {refused} refused")
    if result.refused:
        sys.exit(1)


@command
def export(config_path: Path) -> None:
    """Write the sources as OPML to standard output."""
    body, notes = opml.export_opml(load_config(config_path))
    echo_notes(notes)
    click.echo(body, nl=False)


@command
def replay(config_path: Path) -> None:
    """What the feeds would list under the configuration of --config, as a diff to what they list now.

    From what is stored, as if the configuration had always been in force; nothing is changed.
    """
    settings = load_config(config_path)
    found = compare_feeds(settings)
    if found.diff:
        click.echo(found.diff)
    if found.left_out:
        entries = sum(found.left_out.values())
        names = ", ".join(found.left_out)
        words = f"{entries} stored entries of sources that {config_path} does not have ({names}) are left out"
        echo_notes([f"{words}; in the store they stay, and listed, until they are pruned"])
    click.echo(f"{found.feeds} feeds, of which {found.changed} would differ", err=True)


def _now() -> datetime:
    return datetime.now(UTC)
