"""A precision rounds products; where a penalty reads D's slope they are computed in float32."""

import numpy as np
import pytest

import gan_np as gn
from gan_np import kernels


def test_other_forced_kernels_stay():
    with kernels.use_kernels(dense="cuda_bf16", conv2d="cuda_tf32", adam="reference"):
        with kernels.cuda.unrounded():
            assert kernels.forced_choices() == {"adam": "reference"}
        assert kernels.forced_choices()["dense"] == "cuda_bf16"


@pytest.mark.parametrize(
    ("penalties", "exact"),
    [
        ([], [False, False, False]),
        ([gn.penalties.R1(1.0)], [True, False, False]),
        ([gn.penalties.R1(1.0), gn.penalties.R2(1.0)], [True, True, False]),
        ([gn.penalties.WassersteinGradientPenalty()], [False, False, True, False]),
    ],
    ids=["none", "r1", "both", "between"],
)
def test_which_passes_of_the_discriminator_are_exact(penalties, exact, rng):
    gan = gn.models.dcgan((8, 8, 1), 4, width=2, d_norm="none")
    trainer = gn.training.Trainer(gan, rng.integers(0, 256, (8, 8, 8, 1), np.uint8), batch_size=4, penalties=penalties)
    forward, seen = gan.discriminator.forward, []

    def recorded(x, **options):
        seen.append(not kernels.forced_choices())
        with kernels.cuda.unrounded():  # there is no GPU here
            return forward(x, **options)

    gan.discriminator.forward = recorded
    generator, own = gan.generator, gan.generator.forward

    def on_the_processor(x, **options):
        with kernels.cuda.unrounded():
            return own(x, **options)

    generator.forward = on_the_processor
    with kernels.use_kernels(conv2d="cuda_bf16", dense="cuda_bf16"):
        trainer.step()
    assert seen == exact
