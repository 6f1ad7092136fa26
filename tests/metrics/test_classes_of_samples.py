"""What a classifier makes of samples, and two runs against each other."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.metrics import (
    Errors,
    battle_ratios,
    class_shares,
    classes_covered,
    classification_accuracy,
    classifier_score,
    effective_classes,
    recognised_share,
    verdict,
)


def test_recognised() -> None:
    rows = np.array([[0.95, 0.05], [0.5, 0.5], [0.1, 0.9], [0.2, 0.8]])
    assert recognised_share(rows) == 0.5
    assert recognised_share(rows, 0.8) == 0.75


def test_classifier_score_of_known_cases() -> None:
    assert classifier_score(np.eye(5)) == pytest.approx(5)  # sure, and equally frequent
    assert classifier_score(np.full((9, 5), 0.2)) == pytest.approx(1)  # never sure
    assert classifier_score(np.eye(5)[[2] * 9]) == pytest.approx(1)  # sure, always of the same
    # p(y|x) = (1, 0) and (½, ½) equally often: marginal (¾, ¼); mean KL = ½·log(4/3) + ½·(½ log(2/3) + ½ log 2).
    rows = np.array([[1.0, 0.0], [0.5, 0.5]])
    expected = np.exp(0.5 * np.log(4 / 3) + 0.25 * (np.log(2 / 3) + np.log(2)))
    assert classifier_score(rows) == pytest.approx(expected)


def test_classes_and_their_number() -> None:
    shares = class_shares(np.eye(4)[[0, 0, 1, 2]])
    assert shares.tolist() == [0.5, 0.25, 0.25, 0]
    assert effective_classes(np.full(10, 0.1)) == pytest.approx(10)
    assert effective_classes(np.array([1.0, 0, 0])) == 1
    assert effective_classes(shares) == pytest.approx(2 * np.sqrt(2))
    real = np.array([0.25, 0.25, 0.5, 0.0])
    assert classes_covered(real, real) == 3  # a class that real images do not have is not asked for
    assert classes_covered(np.array([0.98, 0.02, 0, 0]), real) == 1  # 0.02 < a tenth of 0.25: errors of the classifier
    assert classes_covered(np.array([0.97, 0.03, 0, 0]), real) == 2


def test_accuracy() -> None:
    assert classification_accuracy(np.array([1, 2, 3, 3]), np.array([1, 2, 3, 4])) == 0.75
    with pytest.raises(gn.ShapeError, match="labels"):
        classification_accuracy(np.array([1, 2]), np.array([1]))


def test_logits_are_refused() -> None:
    for function in (recognised_share, classifier_score, class_shares):
        with pytest.raises(ValueError, match="add up to 1"):
            function(np.array([[3.0, -1.0]]))


def errors(*counts: int, size: int = 100) -> Errors:
    return Errors(*(np.arange(size) < count for count in counts))


def test_battle_direction() -> None:
    """The first one wins when the second's discriminator errs more on the first's samples than the other way round."""
    ratios = battle_ratios(errors(10, 10, 20, 40))
    assert ratios == {"r_test": 1.0, "r_samples": 0.5}
    assert verdict(**ratios) == "first"
    assert verdict(**battle_ratios(errors(10, 10, 40, 20))) == "second"
    # With accuracies in place of error rates, as in the authors' script, the same case would name the other one.
    assert (1 - 0.2) / (1 - 0.4) > 1


def test_battle_is_undecided_where_one_discriminator_is_weak() -> None:
    assert verdict(**battle_ratios(errors(40, 10, 20, 40))) == "undecided"
    assert verdict(**battle_ratios(errors(10, 40, 20, 40))) == "undecided"
    assert verdict(**battle_ratios(errors(0, 0, 20, 40))) == "undecided"  # 0/0
    assert verdict(**battle_ratios(errors(10, 10, 30, 30))) == "undecided"
    assert battle_ratios(errors(10, 0, 5, 0)) == {"r_test": float("inf"), "r_samples": float("inf")}


def test_battle_refusals() -> None:
    with pytest.raises(gn.ShapeError, match="same test images"):
        battle_ratios(Errors(*(np.zeros(n, bool) for n in (3, 4, 3, 3))))
    with pytest.raises(gn.ShapeError, match="booleans"):
        battle_ratios(Errors(*(np.zeros(3) for _ in range(4))))
