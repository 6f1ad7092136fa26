"""`python -m benchmarks reading`: the same weights however the items are read."""

from benchmarks import reading


def test_it_measures_the_three(measured, tmp_path, monkeypatch):
    image = tmp_path / "reading.png"
    code, result, printed = measured("reading", "--quick", "--item", "1", "--plot", str(image))
    assert (code, result["same"]) == (0, True)
    assert [row["reading"] for row in result["rows"]] == [reading.IN_MEMORY, reading.IN_STEP, reading.AHEAD]
    assert "read ahead" in printed
    assert image.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr(reading.Slow, "__getitem__", lambda self, number: self.images[number - 1])
    assert measured("reading", "--quick", "--item", "1")[0] == 1, "other images, and the exit code says so"
