"""The image of a GPU report: which stages passed, digits at each precision, kernels beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

STATES = {"passed": "#2a9d8f", "failed": "#d1495b", "skipped": "#9a9a9a"}


def save(path: Path, record: dict[str, Any], out: Path) -> None:
    """Draw what the record has; stages that were not run are left out."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.25))
    device = record["device"]
    quick = " (quick: times mean little)" if record["quick"] else ""
    figure.suptitle(
        f"gan_np on {device['name']}, compute capability {device['compute_capability']}, "
        f"CUDA {_version(device['runtime'])}, CuPy {device['cupy']}, {record['date']}{quick}"
    )
    left, *images = top.subplots(1, 4, width_ratios=(2.6, 1, 1, 1))
    _stages(left, record["stages"])
    for axes, precision in zip(images, ("float32", "tf32", "bf16"), strict=True):
        _digits(axes, record["stages"].get(f"digits-{precision}"), precision, out / f"digits-{precision}.png")
    _kernels(bottom.subplots(), record["stages"].get("kernels", {}).get("rows", []))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _version(number: int) -> str:
    """13020 is 13.2."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _stages(axes: Any, stages: dict[str, Any]) -> None:
    axes.axis("off")
    axes.set_title("stages", loc="left")
    for place, (name, stage) in enumerate(stages.items()):
        text = f"{name}: {stage['state']}, {stage['seconds']:.0f} s\n    {stage.get('summary', '')[:95]}"
        axes.text(
            0, 1 - (place + 0.5) / max(len(stages), 8), text, color=STATES[stage["state"]], fontsize=7.5, va="center"
        )


def _digits(axes: Any, stage: dict[str, Any] | None, precision: str, image: Path) -> None:
    axes.axis("off")
    if stage is None or not image.exists():
        axes.set_title(f"{precision}: not there", fontsize=9)
        return
    import matplotlib.image

    axes.imshow(matplotlib.image.imread(image), cmap="gray")
    axes.set_title(f"{precision}: {stage['steps_per_second']:,.0f} steps/s", fontsize=9)


def _kernels(axes: Any, rows: list[dict[str, Any]]) -> None:
    axes.set_title(
        "kernels in float32: milliseconds on the device or the processor (medians), left is faster", loc="left"
    )
    if not rows:
        axes.axis("off")
        return
    labels = list(dict.fromkeys(f"{row['operation']}: {row['case']}" for row in rows))
    names = list(dict.fromkeys(row["name"] for row in rows))
    for number, name in enumerate(names):
        mine = [row for row in rows if row["name"] == name]
        places = [labels.index(f"{row['operation']}: {row['case']}") + 0.12 * (number - len(names) / 2) for row in mine]
        axes.plot([row["ms"] for row in mine], places, "o", label=name, markersize=5)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds, forward and all gradients")
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8)
