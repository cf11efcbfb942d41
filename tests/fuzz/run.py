"""Fuzz for so many minutes: `python tests/fuzz/run.py 60`. Rounds of all targets, each with new seeds.

Ends with the first failure: the round prints the smallest failing example and the @reproduce_failure that
brings it back. Never much longer than it was told to: no round begins that would not fit.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
ROUND = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "--hypothesis-profile=fuzz",
    str(FOLDER),
)


def main(minutes: float) -> int:
    began, longest, rounds = time.monotonic(), 0.0, 0
    while not rounds or time.monotonic() - began + longest <= minutes * 60:
        at = time.monotonic()
        done = subprocess.run(ROUND, cwd=FOLDER.parents[1], check=False)
        if done.returncode:
            return done.returncode
        longest, rounds = max(longest, time.monotonic() - at), rounds + 1
    sys.stderr.write(f"{rounds} rounds in {time.monotonic() - began:.0f} s, nothing found\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
