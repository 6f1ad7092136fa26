"""What the launcher and the table both know."""

LARGEST = 2**31 - 2**24
"""Numbers in an array: kernels index with 32 bits, and a loop over a grid may step once beyond the end."""
