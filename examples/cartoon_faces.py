"""Cartoon faces with known factors, made offline: images for experiments on what a generator has learnt.

    python -m pip install -e ".[faces]"
    python examples/cartoon_faces.py --count 20000 --out faces.npz
    gan-np train --data faces.npz

Drawn from the style "Personas by Draftbit" (https://personas.draftbit.com/) by Draftbit, licensed under CC BY 4.0
(https://creativecommons.org/licenses/by/4.0/), as the package `dicebear-styles` ships it, and changed: the mouth is one
stroke of any curvature, eyes, nose and mouth move sideways on the head, the light on the forehead is left out, and the
image is cut around the face.

The file holds x_train, x_test (uint8 (N, side, side, 3)), y_train, y_test (1 for a smile, 0 otherwise; or classes of the
factors that --labels names), and the factors of every image: factors_train, factors_test (float32 (N, columns)) with
factor_names (columns). A factor of several kinds has a column for each, "hair=long" …, one of which is 1. All factors
are independent, and each is uniform:

    pose    −1 (looks to the left) … 1 (to the right): where eyes, nose and mouth are on the head
    smile   −1 (corners of the mouth down) … 1 (up): curvature of the mouth
    eyes, hair, hair_colour, skin: one of the kinds below

Image i of a seed is the same whatever the count is. About 3 ms an image.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

KINDS = {
    "eyes": ("open", "sleep"),
    "hair": ("long", "curly", "shortCombover", "straightBun"),
    "hair_colour": ("#362c47", "#6c4545", "#f29c65"),
    "skin": ("#eeb4a4", "#d78774", "#92594b"),
}
CONTINUOUS = ("pose", "smile")
CLOTHES, CLOTHES_COLOUR, BACKGROUND = "rounded", "#456dff", "#dfe8f2"
PACKAGES = ("dicebear", "dicebear_styles", "resvg_py")
VIEW = "11 5 42 42"
"""What is shown of the style's 64×64 canvas: the head and its hair."""

TURN = 4.0
"""How far the features move at pose 1, in units of the canvas; the head is 28 wide."""
PLACES = {"eyes": (20.0, 24.0, 1.0), "mouth": (27.0, 37.46, 1.0), "nose": (25.0, 32.25, 1.25), "hair": (9.5, 4.5, 0.15)}
"""Where the style puts a component, and how far it moves with the pose: what lies nearer moves further."""
MOUTH = "M-0.6 2.5Q5.1 2.5 10.8 2.5"


def require_packages() -> None:
    """Leave with what to install, where a package that draws is missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f'{", ".join(missing)} not installed: python -m pip install -e ".[faces]" (or "gan_np[faces]")'
        )


def definition() -> dict[str, Any]:
    """The style, its mouth replaced by one stroke, without the light on the forehead."""
    found: dict[str, Any] = json.loads(files("dicebear_styles").joinpath("personas.json").read_text("utf-8"))
    stroke = {"d": MOUTH, "stroke": "#1B0640", "stroke-width": "2.2", "stroke-linecap": "round"}
    found["components"]["mouth"]["variants"] = {
        "stroke": {"elements": [{"name": "path", "type": "element", "attributes": stroke}]}
    }
    # A translucent white forehead, meant for a blending mode that the renderer does not know, would grey dark skin.
    canvas = found["canvas"]["elements"]
    canvas[:] = [element for element in canvas if element["name"] not in ("mask", "g")]
    return found


def draw_factors(count: int, seed: int, part: int) -> dict[str, np.ndarray]:
    """Values of every factor: floats in [−1, 1] of the continuous ones, numbers of kinds of the others."""
    drawn: dict[str, np.ndarray] = {}
    for number, name in enumerate(
        (*CONTINUOUS, *KINDS)
    ):  # a stream for each factor: a larger count only adds at the end
        rng = np.random.default_rng([seed, part, number])
        drawn[name] = rng.uniform(-1, 1, count) if name in CONTINUOUS else rng.integers(0, len(KINDS[name]), count)
    return drawn


def columns_of(drawn: dict[str, np.ndarray]) -> tuple[np.ndarray, list[str]]:
    """Factors as float32 columns, and their names."""
    columns = [drawn[name] for name in CONTINUOUS]
    names = list(CONTINUOUS)
    for name, kinds in KINDS.items():
        columns += [drawn[name] == kind for kind in range(len(kinds))]
        names += [f"{name}={kind}" for kind in kinds]
    return np.stack(columns, axis=1).astype(np.float32), names


def labels_of(drawn: dict[str, np.ndarray], chosen: Sequence[str]) -> np.ndarray:
    """Classes int64 (count,): one for each combination of kinds of the factors chosen; pose and smile have two, below and
    above 0."""
    labels = np.zeros(len(drawn["smile"]), np.int64)
    for name in chosen:
        continuous = name in CONTINUOUS
        labels = labels * (2 if continuous else len(KINDS[name])) + (drawn[name] > 0 if continuous else drawn[name])
    return labels


def svg_of(style: Any, pose: float, smile: float, eyes: str, hair: str, hair_colour: str, skin: str) -> str:
    """One face as SVG."""
    from dicebear import Avatar

    options = {
        "seed": "face",  # every choice is given, so nothing is left to the seed
        "eyesVariant": [eyes],
        "hairVariant": [hair],
        "hairColor": [hair_colour],
        "skinColor": [skin],
        "noseVariant": ["mediumRound"],
        "clothesVariant": [CLOTHES],
        "clothingColor": [CLOTHES_COLOUR],
        "facialHairProbability": 0,
        "backgroundColor": [BACKGROUND],
    }
    svg = Avatar(style, options).to_string()
    changes = {MOUTH: f"M-0.6 {2.5 - 2.2 * smile:.3f}Q5.1 {2.5 + 4.6 * smile:.3f} 10.8 {2.5 - 2.2 * smile:.3f}"}
    for left, top, share in PLACES.values():
        changes[f'"translate({left:g} {top:g})"'] = f'"translate({left + share * TURN * pose:.3f} {top:g})"'
    changes['viewBox="0 0 64 64"'] = f'viewBox="{VIEW}"'
    for before, after in changes.items():
        if svg.count(before) != 1:
            raise ValueError(f"dicebear-styles: expected {before} once in the style's image, found {svg.count(before)}")
        svg = svg.replace(before, after)
    return svg


def render(svg: str, side: int) -> np.ndarray:
    """An SVG as uint8 (side, side, 3)."""
    import resvg_py
    from PIL import Image

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True))
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def faces(count: int, side: int = 64, seed: int = 0, part: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """`count` images uint8 (count, side, side, 3), and the values of their factors by name."""
    from dicebear import Style

    style = Style(definition())  # once: from a bare definition every image would take hundreds of milliseconds
    drawn = draw_factors(count, seed, part)
    images = np.empty((count, side, side, 3), np.uint8)
    for index in range(count):
        values: dict[str, Any] = {name: float(drawn[name][index]) for name in CONTINUOUS}
        values |= {name: kinds[drawn[name][index]] for name, kinds in KINDS.items()}
        images[index] = render(svg_of(style, **values), side)
    return images, drawn


def factors_given(text: str) -> list[str]:
    """Names of factors, divided by commas."""
    names = text.split(",")
    wrong = [name for name in names if name not in (*CONTINUOUS, *KINDS)]
    if wrong or len(set(names)) < len(names):
        known = ", ".join((*CONTINUOUS, *KINDS))
        raise argparse.ArgumentTypeError(f"expected different factors of {known}, divided by commas, got {text!r}")
    return names


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="training images (default: 20000)")
    parser.add_argument("--test-count", type=int, default=2_000, help="held-out images (default: 2000)")
    parser.add_argument("--side", type=int, default=64, help="pixels (default: 64)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--labels",
        type=factors_given,
        default=["smile"],
        metavar="FACTORS",
        help="factors whose combinations are the classes, such as hair,skin; pose and smile count as two kinds, below and"
        " above 0 (default: smile)",
    )
    parser.add_argument("--out", type=Path, default=Path("faces.npz"))
    arguments = parser.parse_args()
    require_packages()
    contents: dict[str, Any] = {}
    for part, (name, count) in enumerate((("train", arguments.count), ("test", arguments.test_count))):
        images, drawn = faces(count, arguments.side, arguments.seed, part)
        factors, names = columns_of(drawn)
        labels = labels_of(drawn, arguments.labels)
        contents |= {f"x_{name}": images, f"y_{name}": labels, f"factors_{name}": factors}
    np.savez_compressed(arguments.out, factor_names=np.array(names), **contents)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
