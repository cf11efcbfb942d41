"""Registers the profile before the option --hypothesis-profile is read."""

from tests.fuzz import profile as profile
