"""`python -m benchmarks papers`: rows of the papers' tables, ours beside theirs."""

from .command import main

__all__ = ["main"]
