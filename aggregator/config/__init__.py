"""config.toml to Settings; every problem at once, each with its line, its key and the cure."""

from .load import digest_file, load_settings, parse_settings
from .reference import render_reference
from .schema import render_schema
from .settings import OWN_HUB_PATH, Settings
from .values import check_source_url, render_duration

__all__ = [
    "OWN_HUB_PATH",
    "Settings",
    "check_source_url",
    "digest_file",
    "load_settings",
    "parse_settings",
    "render_duration",
    "render_reference",
    "render_schema",
]
