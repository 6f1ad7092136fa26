"""A DCGAN on a GPU, its step captured as a CUDA graph; on the processor where there is no GPU.

    python examples/on_a_gpu.py --steps 2000      (extras `demo` and `cuda12` or `cuda13`)

draws `on-a-gpu.png`, and says where it trained and how long a step took.
"""

from __future__ import annotations

import argparse
import time

import gan_np as gn


def device() -> str:
    """The GPU where CuPy finds one."""
    try:
        gn.arrays.module_of_device("cuda")
    except RuntimeError as error:  # no CuPy, no driver or no GPU: the message says which
        print(f"on the processor: {error}")
        return "cpu"
    return "cuda"


def main() -> None:
    """Train, time, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--width", type=int, default=32)
    given = parser.parse_args()

    images = gn.data.load("mnist-5k")
    gan = gn.models.dcgan(images.shape[1:], width=given.width, seed=0, device=device())
    # On a GPU products may be rounded to tf32 or bf16: precision="bf16" here, --precision bf16 on the command line.
    started = time.perf_counter()
    gn.train(gan, images, steps=given.steps, batch_size=64)
    taken = time.perf_counter() - started
    print(f"{given.steps} steps on {gan.generator.device}, {1e3 * taken / given.steps:.1f} ms each, all included")
    gn.save_grid(gan.sample(64, seed=1), "on-a-gpu.png")  # samples come back to main memory


if __name__ == "__main__":
    main()
