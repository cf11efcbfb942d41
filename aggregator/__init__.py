"""A feed aggregation server; ARCHITECTURE.md says where each line of code lives."""

__version__ = "0.1.0"
