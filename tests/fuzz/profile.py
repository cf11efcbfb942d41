"""How hard the targets beside this file are tried.

Under `make test` they run a few fixed examples, so that a target that has gone stale is noticed and the run
stays repeatable. Under `make fuzz` (the profile "fuzz") examples are random, many, and new in every round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, given, settings

PROFILE = "fuzz"
SECONDS = 5.0  # of CPU for one example, where the sandbox would end it after ten

_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
_FIXED = settings(
    max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=_CHECKS
)

settings.register_profile(
    PROFILE,
    max_examples=200,
    derandomize=False,
    deadline=None,
    print_blob=True,
    suppress_health_check=_CHECKS,
)


def fuzz(*strategies: Any, **named: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like `given`, under the profile that was asked for."""
    limits = settings.get_profile(PROFILE) if settings.get_current_profile_name() == PROFILE else _FIXED

    def decorate(target: Callable[..., None]) -> Callable[..., None]:
        return limits(given(*strategies, **named)(target))

    return decorate


@contextmanager
def in_time() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS, "it took too long"
