"""Names pose and smile among the directions of a generator of cartoon faces, and measures what each changes.

    python examples/cartoon_faces.py --count 8000 --test-count 1000 --side 32 --out faces.npz
    gan-np train --data faces.npz --latent-dim 32 --steps 9000 --out runs/cartoons
    python examples/face_factors.py runs/cartoons faces.npz
    gan-np traverse runs/cartoons --across pose --down smile
    python examples/face_factors.py runs/cartoons faces.npz --figure pose-smile.png

A convolutional reader learns the factors of labelled faces and reads those of samples. The regression of z on all factors
gives a first direction for each (`gn.latent.by_properties`); gradient descent through generator and reader turns it until
the other factors change least beside it (`gn.latent.selective`). Those of pose and smile are kept with the run under these
names. The table compares them, on new samples, with the regressions and with directions found without labels.

With --figure directions are made for each of 48 faces by itself, pose and smile across and down, and the reader says in
how many of the 35 places of a grid eyes, hair, its colour and the skin are still those of the face in the middle. Drawn is,
of each of the four hairs, the face that keeps them best.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import gan_np as gn
from gan_np.arrays import Array
from gan_np.evaluation import FactorReader, train_reader
from gan_np.latent import (
    Along,
    Decoder,
    Direction,
    axis,
    by_properties,
    by_property,
    closed_form,
    keep_directions,
    moved,
    principal,
    selective,
    traverse,
)
from gan_np.metrics import effects
from gan_np.runs.checkpoint import describe_file, find

SAMPLES, MEASURED = 4000, 400
FACES, REACH = 48, 2.0


def main() -> None:
    """Read, regress, keep, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--figure", type=Path, help="draw four faces there, pose across and smile down")
    parser.add_argument("--reader-steps", type=int, default=1500)
    arguments = parser.parse_args()
    with np.load(arguments.faces) as file:
        images, factors = file["x_train"], file["factors_train"]
        held_out, held_out_factors = file["x_test"], file["factors_test"]
        names = [str(name) for name in file["factor_names"]]
    gan = gn.runs.load_gan(arguments.run)
    decoder = Decoder(gan)
    reader = train_reader(images, factors, steps=arguments.reader_steps)
    explained = dict(zip(names, reader.explained(held_out, held_out_factors), strict=True))
    print("R² of the reader on held-out faces:", ", ".join(f"{name} {value:.3f}" for name, value in explained.items()))

    z = decoder.points(SAMPLES, seed=1)
    read = reader(decoder(z))
    alone = {name: by_property(name, z, read[:, column]) for column, name in enumerate(names)}
    smiling = by_property("smile by means", z, read[:, names.index("smile")] > 0)
    together = by_properties(names, z, read)
    chosen = {name: selective(gan, reader.network, names, name, start=together[name]) for name in ("pose", "smile")}
    for name in chosen:
        print(f"{name}: {alone[name].source}")
    step = describe_file(find(arguments.run))["training"]["steps"]
    path = keep_directions(arguments.run, chosen.values(), step)

    candidates = {name: direction.vector for name, direction in chosen.items()}
    candidates |= {f"{name}, regression on all": together[name].vector for name in chosen}
    candidates |= {f"{name} alone": alone[name].vector for name in chosen}
    candidates[smiling.name] = smiling.vector
    unlabelled = [*closed_form(gan, 6), *principal(gan, 6), *(axis(index, gan.prior.dim) for index in range(3))]
    candidates |= {direction.name: direction.vector for direction in unlabelled}
    measured = effects(decoder, decoder.points(MEASURED, seed=2), candidates, reader, names)
    print(measured.table())
    for name in ("pose", "smile"):
        print(f"selectivity of {name}: {measured.selectivity(name, name):.2f}")
    out = arguments.run / "factors.json"
    out.write_text(
        json.dumps(
            {
                "step": step,
                "reader_explained": explained,
                "factors": measured.factors,
                "sizes": {
                    name: list(row) for name, row in zip(measured.directions, measured.sizes.round(4), strict=True)
                },
            },
            indent=1,
        )
    )
    print(f"wrote {path} and {out}")
    if arguments.figure:
        draw(arguments.figure, gan, reader, names, chosen)


def draw(path: Path, gan: gn.GAN, reader: FactorReader, names: list[str], chosen: dict[str, Direction]) -> None:
    """A grid of 7×5 for the face of each hair that keeps its other factors best; prints what all of them keep."""
    decoder = Decoder(gan)
    kinds = {name.partition("=")[0] for name in names if "=" in name}
    columns = {kind: [i for i, name in enumerate(names) if name.startswith(kind + "=")] for kind in sorted(kinds)}
    grids = []
    for z in decoder.points(FACES, seed=0):
        own = {name: made_for(z, name, gan, reader, names, chosen) for name in chosen}
        row, middle = [], reader(decoder(z[None]))
        for directions in (chosen, own):
            across, down = (Along(directions[name], -REACH, REACH) for name in ("pose", "smile"))
            grid = traverse(decoder, z, across, down)
            read = reader(grid.images)
            row.append([float((read[:, k].argmax(1) == middle[:, k].argmax(1)).mean()) for k in columns.values()])
        grids.append((grid.images, *row, int(middle[0, columns["hair"]].argmax())))
    for title, which in (("one direction for all", 1), ("made for each face", 2)):
        means = np.mean([grid[which] for grid in grids], axis=0)
        whole = sum(min(grid[which]) == 1 for grid in grids)
        kept = ", ".join(f"{kind} {mean:.0%}" for kind, mean in zip(columns, means, strict=True))
        print(
            f"{title}: of 35 places as in the middle, mean of {FACES} faces: {kept}; {whole} faces keep all everywhere"
        )
    hairs = sorted({grid[3] for grid in grids})
    best = [max((grid for grid in grids if grid[3] == hair), key=lambda grid: sum(grid[2])) for hair in hairs]
    if len(best) != 4:
        raise SystemExit(f"figure: the {FACES} faces have {len(best)} of 4 hairs; nothing was drawn")
    one = [grid[0].reshape(5, 7, *grid[0].shape[1:]) for grid in best]
    sheet = np.concatenate([np.concatenate(one[:2], axis=1), np.concatenate(one[2:], axis=1)])
    gn.save_grid(sheet.reshape(-1, *sheet.shape[2:]), path, columns=14, zoom=2)
    print(f"wrote {path}")


def made_for(
    z: Array, name: str, gan: gn.GAN, reader: FactorReader, names: list[str], chosen: dict[str, Direction]
) -> Direction:
    """The direction of `name` for one face, which is to hold along the whole range of the other direction too."""
    other = next(direction for key, direction in chosen.items() if key != name)
    at = np.concatenate([moved(z[None], other, t) for t in np.linspace(-REACH, REACH, 5)])
    return selective(gan, reader.network, names, name, start=chosen[name], at=at, step=REACH, iterations=200)


if __name__ == "__main__":
    main()
