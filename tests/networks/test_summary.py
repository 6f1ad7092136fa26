"""The table of a network."""

import gan_np as gn


def test_table():
    structure = gn.Sequential(
        gn.Conv2d(8, 4, stride=2, padding=1, activation="leaky_relu"),
        gn.Sequential(gn.Conv2d(16, 4, stride=2, padding=1, bias=False), gn.BatchNorm()),
        gn.Flatten(),
        gn.Dense(1),
    )
    lines = gn.Network(structure, (28, 28, 1)).summary().splitlines()
    assert lines[0].split() == ["layer", "output", "parameters"]
    assert lines[2].split() == ["input", "28×28×1"]
    assert lines[3].split()[0] == "0"
    assert lines[3].split()[-2:] == ["14×14×8", "136"]
    assert lines[4].split() == ["1", "Sequential", "7×7×16"]
    assert lines[5].split()[0] == "1.0"
    assert lines[5].split()[-2:] == ["7×7×16", "2,048"]
    assert lines[6].split() == ["1.1", "BatchNorm()", "7×7×16", "32"]
    assert lines[7].split() == ["2", "Flatten()", "784"]
    assert lines[8].split() == ["3", "Dense(1)", "1", "785"]
    assert lines[-1] == "3,001 parameters, 32 values of state"
    assert len(lines) == 11


def test_columns_line_up():
    lines = gn.Network(gn.Sequential(gn.Dense(1000), gn.Dense(1)), (10,)).summary().splitlines()
    rows = [line for line in lines if line.endswith(("11,000", "1,001"))]
    assert len({len(line) for line in rows}) == 1


def test_several_inputs_and_outputs():
    text = gn.Network(gn.Parallel(gn.Dense(2), gn.Conv2d(1, 3)), ((3,), (8, 8, 1))).summary()
    assert "3, 8×8×1" in text
    assert text.endswith("18 parameters")


def test_a_single_layer_and_no_parameters():
    assert "Dense(2)" in gn.Network(gn.Dense(2), (3,)).summary()
    assert gn.Network(gn.Tanh(), (3,)).summary().endswith("0 parameters")


def test_totals_agree_with_the_vectors():
    structure = gn.Sequential(gn.Residual(gn.Dense(4)), gn.Loop(gn.Sequential(gn.Dense(4), gn.BatchNorm()), 3))
    network = gn.Network(structure, (4,))
    assert (
        network.summary().splitlines()[-1]
        == f"{len(network.parameters)} parameters, {len(network.state)} values of state"
    )
