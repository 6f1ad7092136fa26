"""Losses from logits."""

from __future__ import annotations

from collections.abc import Sequence

from gan_np import kernels
from gan_np.arrays import Array, device_of, on_host, require_same
from gan_np.checks import ShapeError
from gan_np.kernels import Into

from .pullback import Asked, Gradients, Linearised, OperationPullback, asked, problem, require_rank


def softplus(s: Array, *, wrt: Sequence[bool] | bool = True) -> tuple[Array, OperationPullback]:
    """y = log(1 + eˢ), exact at any finite s (at ±1000: 1000 and 0); the pullback gives (dy/(1 + e⁻ˢ),).

    Linearised: ẏ = σ(s)·ṡ, and dẏ gives ds = σ′·ṡ·dẏ = (1 − σ)·ẏ·dẏ.

    −log σ(s) = softplus(−s) and −log(1 − σ(s)) = softplus(s), with no probability that can round to 0 or 1.
    """
    require_same("softplus", s=s)
    kernel = kernels.select("softplus", problem(s))
    y = kernel.forward(s)
    wanted = asked(wrt, (s,))
    kept = s if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        return (dy * kernel.derivative(kept),)

    def linear(tangent: Array, wrt: Asked) -> tuple[Array, Linearised]:
        slope = kernel.derivative(kept)
        moved = slope * tangent

        def pull(dmoved: Array, dy: Array | None, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
            assert kept is not None
            ds = kernel.derivative(-kept) * moved  # 1 − σ(s) = σ(−s), which keeps its digits where σ is nearly 1
            ds *= dmoved
            return slope * dmoved, ds if dy is None else ds + slope * dy

        return moved, Linearised("softplus", moved, wrt, (True,), pull)

    return y, OperationPullback("softplus", y, (s,), wanted, compute, linear)


def mean_softplus(logits: Array, sign: int, weight: float = 1.0) -> tuple[Array, Array]:
    """weight·mean softplus(sign·s) over all logits s, and its gradient sign·weight·σ(sign·s)/N.

    The value is 0-d and the gradient has the logits' shape; both are exact at any finite s. sign: 1 or −1.
    """
    require_same("mean_softplus", logits=logits)
    fused = kernels.select_fused("logistic", problem(logits))
    if fused is not None:
        found: tuple[Array, Array] = fused.forward(logits, sign, weight)
        return found
    share, signed = logits.dtype.type(weight / logits.size), sign * logits
    kernel = kernels.select("softplus", problem(signed))
    return kernel.forward(signed).sum() * share, kernel.derivative(signed) * (sign * share)


def softmax_cross_entropy(
    logits: Array, labels: Array, *, wrt: Sequence[bool] | bool = True
) -> tuple[Array, OperationPullback]:
    """y[n] = −log softmax(logits[n])[labels[n]] for logits (N, classes) and integer labels (N,).

    The pullback gives (dlogits,) = ((softmax(logits) − onehot(labels))·dy[:, None],).

    Raises:
        TypeError: logits and labels lie on different devices.
        ValueError: a label is not a class. (Checked for host arrays; on a device that would force a synchronisation.)
    """
    require_same("softmax_cross_entropy", logits=logits)
    require_rank("softmax_cross_entropy", "logits", logits, 2, "(N, classes)")
    if labels.shape != logits.shape[:1] or labels.dtype.kind not in "iu":
        raise ShapeError(
            f"softmax_cross_entropy: labels must be {logits.shape[0]} integers, got {labels.dtype} {labels.shape}"
        )
    if device_of(labels) != device_of(logits):
        raise TypeError(
            f"softmax_cross_entropy: logits lie on {device_of(logits)} but labels on {device_of(labels)}; move one"
        )
    if on_host(labels) and labels.size and not (labels.min() >= 0 and labels.max() < logits.shape[1]):
        raise ValueError(
            f"softmax_cross_entropy: labels must lie in 0…{logits.shape[1] - 1}, got {labels.min()}…{labels.max()}"
        )
    kernel = kernels.select("softmax_cross_entropy", problem(logits))
    y, derivative = kernel.forward(logits, labels)
    wanted = asked(wrt, (logits,))
    kept = derivative if any(wanted) else None

    def compute(dy: Array, wrt: Asked, into: tuple[Into | None, ...]) -> Gradients:
        assert kept is not None
        return (kept * dy[:, None],)

    return y, OperationPullback("softmax_cross_entropy", y, (logits,), wanted, compute)
