"""The audit of `make check` says what it has not done."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

AUDIT = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "audit.py"))
GOOD = {"name": "flask", "version": "3.1.2", "vulns": []}
UNKNOWN = {"name": "lxml", "skip_reason": "Dependency not found on PyPI and could not be audited: lxml (6.0)"}
WEAK = {"name": "nh3", "version": "0.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.2", "0.3"]}]}


def report(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("output", "complaint", "code", "says"),
    [
        pytest.param(report(GOOD), "", 0, "1 of 1 packages", id="all is well"),
        pytest.param(report(WEAK, GOOD), "", 1, "nh3 0.1 has PYSEC-1; mended in 0.2, 0.3", id="a weakness"),
        pytest.param(report(GOOD, UNKNOWN), "", 0, "NOT LOOKED UP, .*: lxml", id="one that nobody knows"),
        pytest.param(report(WEAK, UNKNOWN), "", 1, "NOT LOOKED UP", id="both"),
        pytest.param(report(UNKNOWN), "No known vulnerabilities found", 0, "NOT DONE", id="no advisories"),
        pytest.param("", "x\nConnectionError: no name", 0, "NOT DONE.*ConnectionError: no name", id="no net"),
        pytest.param("[]", "", 0, "NOT DONE", id="something else"),
    ],
)
def test_what_was_not_looked_up_is_told(output: str, complaint: str, code: int, says: str) -> None:
    got, sentences = AUDIT["judge"](output, complaint)
    assert got == code
    assert re.search(says, "\n".join(sentences))
