"""What dense, convolution and transposed convolution have in common: y = f(L(w, x) + b), with L linear in w and in x.

With dz = f′·dy:   dx = L(w, ·)ᵀ dz,   dw = L(·, x)ᵀ dz,   db = Σ dz over all axes but the last.
The layer linearised at x maps a tangent t to f′·L(w, t), whose own derivative with respect to w pairs t with f′·dy:
that is all that R1 needs.
"""

from __future__ import annotations

from typing import Any, Protocol

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Activation, Into

from .pullback import Asked, Gradients, OperationPullback, problem

LINEAR = Activation()
PIECEWISE_LINEAR = ("linear", "relu", "leaky_relu")


class Bilinear(Protocol):
    """L for one weight: preparations, and the three products between prepared forms."""

    keeps_input: bool

    def prepare_input(self, x: Array) -> Any:
        """The form of x that forward and the weight gradient read."""

    def prepare_gradient(self, dz: Array) -> Any:
        """The form of dz that both gradients read."""

    def forward(self, prepared: Any) -> Array:
        """L(w, x), a new array."""

    def with_epilogue(self, prepared: Any, bias: Array | None, activation: Activation) -> Array | None:
        """f(L(w, x) + b) from a kernel that does all of it at once; None if this one does not."""

    def input_gradient(self, prepared: Any) -> Array:
        """L(w, ·)ᵀ dz."""

    def weight_gradient(self, prepared_input: Any, prepared_gradient: Any, into: Into | None) -> Array:
        """L(·, x)ᵀ dz."""


def affine(
    name: str, form: Bilinear, x: Array, weight: Array, bias: Array | None, activation: Activation, wrt: Asked
) -> tuple[Array, OperationPullback]:
    """y = f(L(w, x) + b) and its pullback to (dx, dw, db).

    Kept for backward: y if f is not linear; x (or its prepared form, if the kernel says it is worth it) only if the
    weight gradient was asked for.
    """
    prepared = form.prepare_input(x)
    plain = bias is None and activation == LINEAR
    fused = None if plain or kernels.named("bias_activation") else form.with_epilogue(prepared, bias, activation)
    y = form.forward(prepared) if fused is None else fused
    chosen = kernels.choose("bias_activation", problem(y))
    epilogue = chosen.implementation
    if fused is None and not plain:
        y = epilogue.forward(y, bias, activation, in_place="in_place" in chosen.features)

    kept: Any = None if not wrt[1] else prepared if form.keeps_input else x
    del prepared, fused
    gate = y if activation != LINEAR and any(wrt) else None

    def compute(dy: Array, asked: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dz, db = _through(epilogue, activation, gate, dy, asked[2], into[2])
        if not (asked[0] or asked[1]):
            return None, None, db
        gradient = form.prepare_gradient(dz)
        dw = None
        if asked[1]:
            dw = form.weight_gradient(kept if form.keeps_input else form.prepare_input(kept), gradient, into[1])
        return form.input_gradient(gradient) if asked[0] else None, dw, db

    def linear(tangent: Array, asked: Asked) -> tuple[Array, OperationPullback]:
        return linearised(name, form, epilogue, activation, gate, tangent, weight, asked)

    piecewise = activation.kind in PIECEWISE_LINEAR
    return y, OperationPullback(name, y, (x, weight, bias), wrt, compute, linear if piecewise else None)


def linearised(
    name: str,
    form: Bilinear,
    epilogue: Any,
    activation: Activation,
    gate: Array | None,
    tangent: Array,
    weight: Array,
    asked: Asked,
) -> tuple[Array, OperationPullback]:
    """f′·L(w, tangent), with f′ read from y = `gate` (None if f is linear), and its own pullback to (dt, dw, nothing)."""
    direction = form.prepare_input(tangent)
    moved, _ = _through(epilogue, activation, gate, form.forward(direction), False, None)
    kept = direction if form.keeps_input else tangent

    def pull(dy: Array, asked: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dz, _ = _through(epilogue, activation, gate, dy, False, None)
        gradient = form.prepare_gradient(dz)
        prepared = kept if form.keeps_input else form.prepare_input(kept)
        dw = form.weight_gradient(prepared, gradient, into[1]) if asked[1] else None
        return form.input_gradient(gradient) if asked[0] else None, dw, None

    return moved, OperationPullback(
        f"{name} linearised", moved, (tangent, weight, None), (asked[0], asked[1], False), pull
    )


def _through(
    epilogue: Any, activation: Activation, gate: Array | None, dy: Array, need_bias: bool, into: Into | None
) -> tuple[Array, Array | None]:
    """dz = f′·dy, and its sum where that is needed."""
    if gate is None and not need_bias:
        return dy, None
    dz, db = epilogue.backward(dy, dy if gate is None else gate, activation, need_bias, into)
    return dz, db
