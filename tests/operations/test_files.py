"""The files of docs/operations/ as far as this machine has the tools that read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "operations"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_systemd_unit_is_understood(tmp_path: Path) -> None:
    """With a command that is there, since the unit's own is where an admin puts it."""
    text = (FOLDER / "aggregator.service").read_text(encoding="utf-8")
    unit = tmp_path / "aggregator.service"
    unit.write_text(text.replace("/opt/aggregator/.venv/bin/aggregator", "/bin/true"), encoding="utf-8")
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    site = (FOLDER / "nginx.conf").read_text(encoding="utf-8").replace("listen 80;", "listen 127.0.0.1:1;")
    whole = tmp_path / "nginx.conf"
    places = "".join(
        f"{name}_temp_path {tmp_path};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole.write_text(
        f"pid {tmp_path}/pid;\nerror_log {tmp_path}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{site}}}\n",
        encoding="utf-8",
    )
    done = run("nginx", "-t", "-c", whole, "-p", tmp_path)
    assert done.returncode == 0, done.stderr


def test_caddy_takes_its_configuration() -> None:
    done = run("caddy", "validate", "--adapter", "caddyfile", "--config", FOLDER / "Caddyfile")
    assert done.returncode == 0, done.stderr


def test_prometheus_takes_the_alerts() -> None:
    done = run("promtool", "check", "rules", FOLDER / "alerts.yml")
    assert done.returncode == 0, done.stdout


def test_docker_takes_the_compose_file() -> None:
    done = run("docker", "compose", "-f", FOLDER / "compose.yml", "config", "--quiet")
    if "not a docker command" in done.stderr or "unknown shorthand" in done.stderr:
        pytest.skip("docker compose is not installed")
    assert done.returncode == 0, done.stderr


def test_the_image_is_made_of_files_that_there_are() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    root = FOLDER.parents[1]
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M):
        for name in line.split():
            assert (root / name).exists(), name
    for words in re.findall(r"^(?:CMD|ENTRYPOINT) (\[.+\])$", text, re.M):
        assert json.loads(words), "the exec form: signals reach the server"


def test_the_guide_names_every_file_and_no_other() -> None:
    guide = (FOLDER.parent / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(operations/([\w.]+)\)", guide)) == {path.name for path in FOLDER.iterdir()}
