"""Names pose and smile among the directions of a generator of cartoon faces, and measures what each changes.

    python examples/cartoon_faces.py --count 8000 --test-count 1000 --side 32 --out faces.npz
    gan-np train --data faces.npz --latent-dim 32 --steps 9000 --out runs/cartoons
    python examples/face_factors.py runs/cartoons faces.npz
    gan-np traverse runs/cartoons --across pose --down smile

A convolutional reader learns the factors of labelled faces and reads those of samples. The regression of z on all factors
gives a first direction for each (`gn.latent.by_properties`); gradient descent through generator and reader turns it until
the other factors change least beside it (`gn.latent.selective`). Those of pose and smile are kept with the run under these
names. The table compares them, on new samples, with the regressions and with directions found without labels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import gan_np as gn
from gan_np.evaluation import train_reader
from gan_np.latent import (
    Decoder,
    axis,
    by_properties,
    by_property,
    closed_form,
    keep_directions,
    principal,
    selective,
)
from gan_np.metrics import effects
from gan_np.runs.checkpoint import describe_file, find

SAMPLES, MEASURED = 4000, 400


def main() -> None:
    """Read, regress, keep, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("faces", type=Path)
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


if __name__ == "__main__":
    main()
