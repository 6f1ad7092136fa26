"""Reading and writing flat arrays without Numba's care for negative indices, and with what is known about overlap.

A read of a read-only array is marked as touching memory that no write in the same function touches. That is what lets
LLVM vectorise a loop over many arrays: otherwise it compares all their addresses first, and gives up above eight pairs.
Where a kernel may work in place the two are the same memory. That is safe if each index is read once, and what is written
there follows from that read: then no order of the others matters.
"""

from __future__ import annotations

from typing import Any

from numba.core import imputils, types

from .compiled import intrinsic


def _mark(builder: Any, instruction: Any, readonly: bool) -> None:
    module = builder.module
    domain = module.add_metadata(["gan_np"])
    given, results = (module.add_metadata([module.add_metadata([name, domain])]) for name in ("given", "results"))
    instruction.set_metadata("alias.scope", given if readonly else results)
    instruction.set_metadata("noalias", results if readonly else given)


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [index], inbounds=True)


@intrinsic
def get(typing: Any, array: Any, index: Any) -> Any:
    """Return array[index]; that 0 ≤ index < size is not checked."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value = builder.load(_place(context, builder, signature.args[0], *values))
        _mark(builder, value, not signature.args[0].mutable)
        return value

    return array.dtype(array, types.int64), build


@intrinsic
def put(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Set array[index] = value; that 0 ≤ index < size is not checked."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        written = builder.store(values[2], _place(context, builder, signature.args[0], *values[:2]))
        _mark(builder, written, False)
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), build


@intrinsic
def sealed(typing: Any, array: Any) -> Any:
    """The same memory as a read-only array, to hand to a part of a kernel.

    Not for the function that wrote it: there the read could move before the write.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        borrowed: Any = imputils.impl_ret_borrowed
        return borrowed(context, builder, signature.return_type, values[0])

    return array.copy(readonly=True)(array), build
