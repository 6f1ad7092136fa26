"""A generator as an ONNX graph, written by the library's own export and run by onnxruntime."""

from __future__ import annotations

import onnx
import onnxruntime

import gan_np as gn
from gan_np.interop.onnx import Form
from gan_np.interop.onnx import network as exported

INPUT = "x"
"""What the graph calls z."""


def session(network: gn.Network, threads: int) -> onnxruntime.InferenceSession:
    """`network` ready to run: `session.run(None, {INPUT: z})[0]` are its images (N, C, H, W) for z (N, latent_dim)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin between runs would take time from the candidates that follow.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # As it is given: whether batch normalisation is folded is what the candidates differ in.
    model = exported(network, Form(fold=False), gn.__version__)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
