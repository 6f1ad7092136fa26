"""Every test has a cache folder of its own, and none a network."""

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The cache folder of this test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GAN_NP_CACHE", str(folder))
    return folder
