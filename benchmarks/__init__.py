"""Measurements: kernels against each other, training and sampling against others. `python -m benchmarks` lists them.

Every benchmark runs its candidates in turn in one process, reports medians and compares numbers before it compares times.
"""
