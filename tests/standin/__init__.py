"""A strict stand-in for CuPy on a machine without a GPU: what the library's host code is tested against.

It computes with NumPy and refuses what CuPy 14.2 refuses (read from CuPy's source; see each file):

    memory.py      blocks with canaries, filled with NaN; pools; pinned memory; out of memory
    world.py       devices, streams, synchronisations counted and forbidden, captures recorded, copies that arrive late
    array.py       `cupy.ndarray`: no subclass of NumPy's, never converted implicitly
    functions.py   the module's functions, each of which is a launch
    cuda.py        `cupy.cuda`: devices, streams, events, graphs, raw kernels
    nccl.py        `cupy.cuda.nccl`: ranks that all have what this one has

Where CuPy leaves something to chance (when an asynchronous copy arrives, what a freed block holds), it does the worst.
`install(patch)` puts it into `sys.modules`; tests take the fixture `standin`.
"""

from .install import install

__all__ = ["install"]
