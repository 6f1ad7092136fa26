"""Constants of the cost model, from times that follow it, and a choice that costs too much."""

import json

import numpy as np
import pytest

from benchmarks import fit_costs
from benchmarks.fit_costs import Measured
from gan_np import kernels
from gan_np.kernels.cpu import costs

PEAK = 200e9
TRUE = {"direct": (1.4, 30.0), "winograd": (1.1, 900.0, 400.0)}


def made(constants, noise=0.0):
    """Convolutions that take exactly what a model with these constants says, or nearly so."""
    rng, found = np.random.default_rng(0), []
    for geometry in fit_costs.geometries():
        problem = kernels.Problem("cpu", np.dtype(np.float32), geometry.large_shape, geometry)
        guesses = fit_costs.estimates(problem, constants)
        seconds = {name: 3 * g / PEAK * (1 + noise * rng.standard_normal()) for name, g in guesses.items()}
        found.append(Measured(fit_costs.named(geometry), problem, seconds))
    return found


def test_constants_are_found_again():
    fits = {one.plan: one for one in fit_costs.fit(made(TRUE), PEAK)}
    for plan, constants in TRUE.items():
        np.testing.assert_allclose(fits[plan].constants, constants, rtol=1e-6)
        assert fits[plan].error < 1e-6
        assert fits[plan].now > fits[plan].error


def test_noise_moves_them_little():
    fits = {one.plan: one for one in fit_costs.fit(made(TRUE, 0.05), PEAK)}
    np.testing.assert_allclose(fits["direct"].constants[0], TRUE["direct"][0], rtol=0.1)


def test_constants_are_not_negative():
    table = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    np.testing.assert_allclose(fit_costs.non_negative(table, np.array([1.0, 2.0, 3.0])), [1, 0], atol=1e-12)
    assert (fit_costs.non_negative(table, np.array([1.0, 2.5, 4.0])) >= 0).all()
    assert (fit_costs.non_negative(-table, np.ones(3)) == 0).all()


def test_a_choice_that_costs_too_much_is_found():
    (one, *_) = made(TRUE)
    fastest = one._replace(seconds={"direct": 1.0, "winograd": 1.3})
    chosen, best, times = fit_costs.excess(fastest, {"direct": (9.0, 9.0), "winograd": (0.1, 1.0, 1.0)})
    assert (chosen, best, times) == ("winograd", "direct", pytest.approx(1.3))


def test_the_table_chooses_by_these_constants():
    for one in made(TRUE):
        guesses = fit_costs.estimates(one.problem)
        assert kernels.choose("conv2d", one.problem).name == min(guesses, key=guesses.__getitem__)
        for entry in kernels.available("conv2d", one.problem):
            if entry.name in guesses:
                assert entry.cost(one.problem) == pytest.approx(costs.BEFORE_BLAS * guesses[entry.name])


def test_the_command(tmp_path, capsys):
    from benchmarks.__main__ import main

    file = tmp_path / "fit.json"
    assert main(["fit_costs", "--quick", "--json", str(file), "--plot", str(tmp_path / "fit.png")]) == 0
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(file.read_text(encoding="utf-8"))
    assert set(found["suggested"]) >= {"direct"}
    assert found["constants"]["direct"] == list(costs.CONSTANTS["direct"])
    assert all(row["seconds"] and row["estimates"] for row in found["rows"])
    printed = capsys.readouterr().out
    assert "fitted" in printed
    assert max(map(len, printed.splitlines())) <= 100
