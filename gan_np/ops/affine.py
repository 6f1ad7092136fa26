"""What dense, convolution and transposed convolution have in common: y = f(L(w, x) + b), with L linear in w and in x.

With dz = f′·dy:   dx = L(w, ·)ᵀ dz,   dw = L(·, x)ᵀ dz,   db = Σ dz over all axes but the last.
Linearised at x it maps a tangent ẋ to ẏ = f′·L(w, ẋ). With dż = f′·dẏ the gradient dẏ of that gives

    dẋ = L(w, ·)ᵀ dż,    dw = L(·, ẋ)ᵀ dż,    and, through f′ = f′(z),    dz = f″·L(w, ẋ)·dẏ = (f″/f′)·ẏ·dẏ

which joins f′·dy and goes on as above. Where f is piecewise linear f″ is 0: then R1 needs no more than dw.
"""

from __future__ import annotations

from typing import Any, Protocol

from gan_np import kernels
from gan_np.arrays import Array
from gan_np.kernels import Activation, Into

from .pullback import Along, Asked, Gradients, Linearised, OperationPullback, Slope, problem
from .recomputable import Recomputable
from .slope import bias_gradient, by_example, moved_on

LINEAR = Activation()
"""No activation: f(z) = z."""
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

    def input_gradient(self, prepared: Any) -> Array:
        """Return L(w, ·)ᵀ dz, the gradient of x."""

    def weight_gradient(self, prepared_input: Any, prepared_gradient: Any, into: Into | None) -> Array:
        """Return L(·, x)ᵀ dz, the gradient of w."""


class BilinearWithEpilogue(Bilinear, Protocol):
    """The same of a kernel that may do bias and activation on its way."""

    def with_epilogue(self, prepared: Any, bias: Array | None, activation: Activation) -> Array | None:
        """f(L(w, x) + b) from a kernel that does all of it at once; None if this one does not."""


def affine(
    name: str,
    form: BilinearWithEpilogue,
    x: Array,
    weight: Array,
    bias: Array | None,
    activation: Activation,
    wrt: Asked,
    recomputable: Recomputable | None = None,
) -> tuple[Array, OperationPullback]:
    """y = f(L(w, x) + b) of a convolution, transposed or not, and its pullback to (dx, dw, db).

    Kept for backward: y (or its signs) if f is not linear; x (or its prepared form, if the kernel says it is worth it) only
    if the weight gradient was asked for.
    recomputable: x, where it can be computed again; then it is not kept.
    """
    prepared = form.prepare_input(x)
    plain = bias is None and activation == LINEAR
    fused = None if plain or kernels.named("bias_activation") else form.with_epilogue(prepared, bias, activation)
    y = form.forward(prepared) if fused is None else fused
    chosen = kernels.choose("bias_activation", problem(y))
    epilogue = chosen.implementation
    if fused is not None and (wrt[2] or (activation != LINEAR and any(wrt))):
        kernels.record_backward(problem(y), activation, wrt[2])
    if fused is None and not plain:
        y = epilogue.forward(y, bias, activation, in_place="in_place" in chosen.features)

    kept: Any = None
    if wrt[1]:
        kept = prepared if form.keeps_input else x if recomputable is None else recomputable
    del prepared, fused
    gate = _gate(chosen, y, activation, wrt)

    def compute(dy: Array, asked: Asked, into: tuple[Into | None, ...], over: bool = False) -> Gradients:
        over = over and "backward_in_place" in chosen.features
        dz, db = through(epilogue, activation, gate, dy, asked[2], into[2], over)
        return *products(name, form, dz, kept, asked, into[1]), db

    def linear(tangent: Array, asked: Asked) -> tuple[Array, Linearised]:
        return linearised(name, form, epilogue, activation, gate, kept, tangent, asked)

    slope = slope_of(name, form, epilogue, activation, gate, kept)
    return y, OperationPullback(name, y, (x, weight, bias), wrt, compute, linear, slope=slope, writes_over=True)


def _gate(chosen: Any, y: Array, activation: Activation, wrt: Asked) -> Any:
    """What f′ is read from in the backward pass: y, or its signs alone; None where f is linear or nothing is asked.

    Signs are taken where the weight's gradient is not asked for: where it is, that of the next layer mostly is too, which
    keeps y for it.
    """
    if activation == LINEAR or not any(wrt):
        return None
    if wrt[1] or activation.kind not in PIECEWISE_LINEAR or "signs" not in chosen.features:
        return y
    return chosen.implementation.signs(y)


def slope_of(name: str, form: Bilinear, epilogue: Any, activation: Activation, gate: Any, kept: Any) -> Slope | None:
    """Where f is piecewise linear: dx and, along a tangent, ẏ and the gradients of w and b (`slope.py`).

    kept: x, or its prepared form; None if forward was not asked for the weight's gradient.
    """
    if activation.kind not in PIECEWISE_LINEAR:
        return None

    def slope(dy: Array, asked: Asked, scale: Array | None) -> tuple[Array | None, Along, Asked]:
        dz, _ = through(epilogue, activation, gate, dy, False, None)
        gradient = form.prepare_gradient(dz) if asked[0] or asked[1] else None
        dx = form.input_gradient(gradient) if asked[0] else None

        def along(tangent: Array | None, asked: Asked, into: tuple[Into | None, ...]) -> Array | None:
            moved = direction = None
            if tangent is not None:
                direction = form.prepare_input(tangent)
                moved, _ = through(epilogue, activation, gate, form.forward(direction), False, None)
            if asked[1] and (tangent is not None or scale is not None):
                _weight_gradient(tangent, direction, scale, gradient, into[1])
            if asked[2] and scale is not None:
                bias_gradient(dz, scale, into[2])
            return moved

        def _weight_gradient(
            tangent: Array | None, direction: Any, scale: Array | None, gradient: Any, into: Into | None
        ) -> None:
            if not form.keeps_input:
                image: Any = direction
                if scale is not None:
                    image = form.prepare_input(moved_on(name, tangent, _image(kept), scale))
                form.weight_gradient(image, gradient, into)
                return
            dw = None
            if tangent is not None:
                dw = form.weight_gradient(direction, gradient, into)
            if scale is not None:
                scaled = form.prepare_gradient(by_example(scale, dz))
                if kept is None:
                    raise ValueError(f"{name}: forward was not asked for the weight's gradient (wrt), so it kept no x")
                form.weight_gradient(kept, scaled, into if dw is None else Into(dw, True))

        return dx, along, (False, True, False)

    return slope


def linearised(
    name: str,
    form: Bilinear,
    epilogue: Any,
    activation: Activation,
    gate: Any,
    kept: Any,
    tangent: Array,
    asked: Asked,
) -> tuple[Array, Linearised]:
    """ẏ = f′·L(w, ẋ), with f′ read from y = `gate` (None if f is linear), and the pullback of both y and ẏ.

    kept: x, or its prepared form; None if forward was not asked for the weight's gradient.
    """
    direction = form.prepare_input(tangent)
    moved, _ = through(epilogue, activation, gate, form.forward(direction), False, None)
    along = direction if form.keeps_input else tangent
    curved = activation.kind not in PIECEWISE_LINEAR
    held = moved if curved else None

    def compute(dmoved: Array, dy: Array | None, asked: Asked, into: tuple[Into | None, ...]) -> Gradients:
        dz, _ = through(epilogue, activation, gate, dmoved, False, None)
        dtangent, dw = products(name, form, dz, along, asked, into[1])
        if held is None and dy is None:
            return dtangent, None, dw, None
        dz, db = through_both(epilogue, activation, gate, held, dmoved, dy, asked[2], into[2])
        dx, dw = products(name, form, dz, kept, asked, into[1] if dw is None else Into(dw, True))
        return dtangent, dx, dw, db

    return moved, Linearised(name, moved, asked, (curved, True, curved), compute)


def products(
    name: str, form: Bilinear, dz: Array, image: Any, asked: Asked, into: Into | None
) -> tuple[Array | None, Array | None]:
    """L(w, ·)ᵀ dz and L(·, image)ᵀ dz, where they are asked for; `image` is as the form keeps it."""
    if not (asked[0] or asked[1]):
        return None, None
    if asked[1] and image is None:
        raise ValueError(f"{name}: forward was not asked for the weight's gradient (wrt), so it kept no x")
    gradient = form.prepare_gradient(dz)
    dw = None
    if asked[1]:
        prepared = image if form.keeps_input else form.prepare_input(_image(image))
        dw = form.weight_gradient(prepared, gradient, into)
        del prepared
    return form.input_gradient(gradient) if asked[0] else None, dw


def _image(kept: Any) -> Any:
    """An image that was kept, or is computed again."""
    return kept.get() if isinstance(kept, Recomputable) else kept


def through_both(
    epilogue: Any,
    activation: Activation,
    gate: Any,
    moved: Array | None,
    dmoved: Array,
    dy: Array | None,
    need_bias: bool,
    into: Into | None,
) -> tuple[Array, Array | None]:
    """dz = (f″/f′)·ẏ·dẏ + f′·dy, and its sum where that is needed; at least one of ẏ = `moved` and dy is there."""
    if moved is None:
        assert dy is not None
        return through(epilogue, activation, gate, dy, need_bias, into)
    dz = curvature(activation, gate) * moved
    dz *= dmoved
    if dy is not None:
        dz += through(epilogue, activation, gate, dy, False, None)[0]
    return through(epilogue, LINEAR, None, dz, need_bias, into)


def curvature(activation: Activation, y: Array | None) -> Array:
    """f″/f′ as a function of y = f(z). tanh: −2y; sigmoid: 1 − 2y."""
    assert y is not None
    bend: Array = y * y.dtype.type(-2)
    if activation.kind == "sigmoid":
        bend += 1
    return bend


def through(
    epilogue: Any,
    activation: Activation,
    gate: Any,
    dy: Array,
    need_bias: bool,
    into: Into | None,
    over: bool = False,
) -> tuple[Array, Array | None]:
    """dz = f′·dy, and its sum where that is needed; `over`: dz is written over dy, by a kernel that can."""
    if gate is None and not need_bias:
        return dy, None
    backward = epilogue.backward_in_place if over else epilogue.backward
    dz, db = backward(dy, dy if gate is None else gate, activation, need_bias, into)
    return dz, db
