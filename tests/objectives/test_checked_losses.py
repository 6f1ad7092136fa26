"""What a check of an objective's answer costs where there is nothing to say."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.objectives import check_loss


class Described(gn.objectives.NonSaturating):
    """Counts how often its description is asked for."""

    asked = 0

    def __repr__(self):
        Described.asked += 1
        return super().__repr__()


def test_an_objective_is_described_only_in_a_message():
    objective, scores = Described(), np.zeros((3, 1), np.float32)
    found = objective.discriminator(scores, scores)
    check_loss(objective, "discriminator", found, real=scores, generated=scores)
    assert Described.asked == 0
    with pytest.raises(gn.ShapeError, match=r"NonSaturating|Described"):
        check_loss(objective, "discriminator", found, real=scores[:2], generated=scores)
    assert Described.asked == 1
