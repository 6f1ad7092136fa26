"""How PyTorch is told to compute: its precision and its search for the fastest convolution, for a `with` block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch._dynamo import config as tracing

RECOMPILED = 64
"""Forms of the players that may be compiled: with and without gradients, D frozen and not, each shape. More is an error."""


@contextlib.contextmanager
def computing(precision: str, device: str) -> Iterator[None]:
    """Inside, PyTorch is at its fastest for this precision on this device.

    precision: "float32": exact, no TF32 anywhere; "tf32": products of matrices and convolutions in TF32; "bf16": the same,
        under an autocast that each step enters itself (`autocast`).
    """
    allowed, matrices, convolutions = precision in ("tf32", "bf16"), torch.backends.cuda.matmul, torch.backends.cudnn
    before = matrices.allow_tf32, convolutions.allow_tf32, convolutions.benchmark
    torch._dynamo.reset()  # what was compiled before counts towards the limit, past which PyTorch goes on uncompiled
    matrices.allow_tf32, convolutions.allow_tf32, convolutions.benchmark = allowed, allowed, device != "cpu"
    try:
        # Each shape has code of its own: what is compiled for any size is slower.
        with tracing.patch(
            recompile_limit=RECOMPILED, fail_on_recompile_limit_hit=True, automatic_dynamic_shapes=False
        ):
            yield
    finally:
        matrices.allow_tf32, convolutions.allow_tf32, convolutions.benchmark = before


def autocast(precision: str, device: str) -> contextlib.AbstractContextManager[object]:
    """What surrounds the forward passes of a step: bf16 where it was asked for."""
    if precision != "bf16":
        return contextlib.nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)
