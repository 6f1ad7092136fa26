"""Benchmarks that need a GPU: one training step, its convolutions and kernels, and a report of all that a device shows.

They use the rest of `benchmarks` (timing, floors, agreement, plots); nothing there imports from here.
"""
