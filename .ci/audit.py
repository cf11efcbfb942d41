"""Known weaknesses of what requirements.lock names, as far as they can be looked up from here.

pip-audit says "No known vulnerabilities found" also when it has found no advisory service, or one that knows
none of the packages. So what counts is which packages were looked up: those that were not are told.
Exit codes: 1 for a known weakness; 0 else, also where nothing could be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys

LOCK = "requirements.lock"
COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"),
    *("--timeout", "5", "--format", "json", "--requirement", LOCK),
)


def main() -> int:
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    code, sentences = judge(done.stdout, done.stderr)
    for sentence in sentences:
        print(f"audit: {sentence}")
    return code


def judge(output: str, complaint: str) -> tuple[int, list[str]]:
    """The exit code and what to say, from what pip-audit has written."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (complaint.strip().splitlines() or ["no reason given"])[-1]
        return 0, [f"NOT DONE, no advisory service answers from here ({reason[:200]})"]
    weak = [
        f"{package['name']} {package['version']} has {found['id']}; mended in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for package in packages
        for found in package.get("vulns", ())
    ]
    unknown = [package["name"] for package in packages if "vulns" not in package]
    known = len(packages) - len(unknown)
    said = [*weak, f"{known} of {len(packages)} packages of {LOCK} looked up, known weaknesses: {len(weak)}"]
    if not known:
        said[-1] = f"NOT DONE, the advisory service that answers here knows none of {len(packages)} packages"
    elif unknown:
        said.append(f"NOT LOOKED UP, since the service does not know them: {', '.join(unknown)}")
    return (1 if weak else 0), said


if __name__ == "__main__":
    sys.exit(main())
