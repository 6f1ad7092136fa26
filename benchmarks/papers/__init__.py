"""`python -m benchmarks papers`: rows of the papers' tables, ours beside theirs.

A recipe for each row, a file for each table, and what runs them in processes. Uses the rest of `benchmarks` and the library.
"""

from .command import main

__all__ = ["main"]
