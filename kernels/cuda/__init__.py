"""Kernels in CUDA C++ for CuPy arrays."""
