"""What somebody meant who wrote the name of a setting that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

ELSEWHERE = {
    "epoch": "steps",
    "epochs": "steps",
    "iteration": "steps",
    "iterations": "steps",
    "batch": "batch_size",
    "z": "latent_dim",
    "nz": "latent_dim",
    "z_dim": "latent_dim",
    "ngf": "width",
    "ndf": "width",
    "dataset": "data",
    "dataroot": "data",
    "gpu": "device",
    "cuda": "device",
    "output": "out",
    "outdir": "out",
    "workers": "jobs",
    "ema": "average_decay",
    "gp": "r1",
    "loss": "objective",
}
"""What other programs call some of our settings."""


def suggestions(name: str, known: Sequence[str]) -> list[str]:
    """Those of `known` that `name` may stand for, the likeliest first; words are divided by underscores.

    Another program's name for it, the initials of its last words (lr: g_learning_rate, d_learning_rate), a few of its words
    (rate); if none of these, nearly the same letters.

    >>> suggestions("lr", ["flip", "g_learning_rate", "d_learning_rate"])
    ['g_learning_rate', 'd_learning_rate']
    >>> suggestions("stpes", ["steps", "d_steps"])
    ['steps', 'd_steps']
    """
    asked = name.lower().replace("-", "_")
    found = [full for full in known if full == ELSEWHERE.get(asked)]
    if len(asked) > 1:
        found += [full for full in known if "".join(word[0] for word in full.split("_") if word).endswith(asked)]
    if len(asked) > 2:
        found += [full for full in known if f"_{asked}_" in f"_{full}_"]
    return list(dict.fromkeys(found)) or difflib.get_close_matches(asked, known, n=3)
