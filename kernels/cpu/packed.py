"""Arguments of any types as a row of 64-bit words, so that one launcher, compiled once, serves all parts of the pool.

    integer, bool    one word                       array    its address, then one word for each length
    float            the bits of a float64          tuple    its members, one after another; tuples in it likewise

A launcher for the types of each part was a tenth of all that a first step compiled. Here `pack` reads Python's objects for
what they are when it runs, and each part has a function of its own that unpacks what it expects (`unpacked`).

So what was packed must be what the part expects. `pack` makes a number from the types on its way: of Python's types, and of
an array's number type, byte order, dimensions and whether it is contiguous, aligned and writable. The pool compares it with
the number of the call for which the part was compiled.

Objects are read where CPython and NumPy lay them: an object's type stands at the end of its head, and the members of NumPy's
arrays in the order of `PyArrayObject_fields`, which compiled extensions of NumPy rely on, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils as _cgutils
from numba.core import types

cgutils: Any = _cgutils  # Numba's tools for writing LLVM code have no types to check

WORD, HALF, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
OBJECT, WORDS = BYTE.as_pointer(), WORD.as_pointer()
MOST, DIMENSIONS = 256, 8
"""Words of one call, and dimensions of an array, at most; a call with more is refused as one with other types."""

HEAD = object.__basicsize__
"""Bytes of an object's head; the address of its type are the last eight."""
DATA, NDIM, LENGTHS, DTYPE, FLAGS = (HEAD + offset for offset in (0, 8, 16, 40, 48))
"""Where an array has these, in bytes from its beginning."""
NUMBER = HEAD + 8
"""Where a dtype has its kind, letter, byte order, flags (a byte each) and number (four bytes)."""
FLAGS_THAT_COUNT = 0x1 | 0x100 | 0x400
"""C-contiguous, aligned, writable."""
TUPLE = 1 << 26
"""The flag of a type that is `tuple` or derived from it (CPython's Py_TPFLAGS_TUPLE_SUBCLASS)."""

KINDS: Any = np.array([id(int), id(bool), id(float), id(np.ndarray)], np.int64)
"""The addresses of these types, in the order of their numbers below."""
INTEGER, BOOLEAN, FLOAT, ARRAY, OTHER = range(1, 6)


class _Packing:
    """The function (object, kinds, state) → nothing, which calls itself for members of tuples.

    state: the number made of the types so far, how many words there are, then the words.
    """

    def __init__(self, module: Any) -> None:
        kind = ir.FunctionType(ir.VoidType(), [OBJECT, WORDS, WORDS])
        self.module, self.function = module, ir.Function(module, kind, "gan_np_pack")
        self.function.linkage = "internal"
        self.object, self.kinds, self.state = self.function.args
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self._write()

    def _call(self, result: Any, name: str, *arguments: Any) -> Any:
        """Call one of Python's C functions."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.module, kind, name), arguments)

    def _at(self, base: Any, offset: int, kind: Any) -> Any:
        """What lies so many bytes behind an address."""
        place = self.builder.gep(base, [ir.Constant(WORD, offset)])
        return self.builder.load(self.builder.bitcast(place, kind.as_pointer()))

    def _place(self, position: Any) -> Any:
        return self.builder.gep(self.state, [position])

    def _note(self, number: Any) -> None:
        """Add to the number that tells types apart (the FNV hash, a word at a time)."""
        place = self._place(ir.Constant(WORD, 0))
        mixed = self.builder.mul(self.builder.xor(self.builder.load(place), number), ir.Constant(WORD, 0x100000001B3))
        turned = self.builder.lshr(mixed, ir.Constant(WORD, 29))
        self.builder.store(self.builder.xor(mixed, turned), place)

    def _put(self, word: Any) -> None:
        """Add a word; beyond the last place it is written over the one before."""
        place = self._place(ir.Constant(WORD, 1))
        count = self.builder.load(place)
        self.builder.store(word, self._place(self.builder.add(count, ir.Constant(WORD, 2))))
        full = self.builder.icmp_unsigned(">=", count, ir.Constant(WORD, MOST - 1))
        self._note(self.builder.zext(full, WORD))
        one = ir.Constant(WORD, 1)
        self.builder.store(self.builder.select(full, count, self.builder.add(count, one)), place)

    def _write(self) -> None:
        builder = self.builder
        kind = self._at(self.object, HEAD - 8, OBJECT)
        address = builder.ptrtoint(kind, WORD)
        number = ir.Constant(WORD, OTHER)
        for code in (ARRAY, FLOAT, BOOLEAN, INTEGER):
            known = builder.load(builder.gep(self.kinds, [ir.Constant(WORD, code - 1)]))
            number = builder.select(builder.icmp_signed("==", address, known), ir.Constant(WORD, code), number)
        self._note(number)
        others = builder.append_basic_block("other")
        switch = builder.switch(number, others)
        for codes, write in (((INTEGER, BOOLEAN), self._number), ((FLOAT,), self._real), ((ARRAY,), self._array)):
            block = builder.append_basic_block()
            for code in codes:
                switch.add_case(ir.Constant(WORD, code), block)
            builder.position_at_end(block)
            write()
            builder.ret_void()
        builder.position_at_end(others)
        flags = self._call(WORD, "PyType_GetFlags", kind)
        derived = builder.icmp_signed("!=", builder.and_(flags, ir.Constant(WORD, TUPLE)), ir.Constant(WORD, 0))
        self._note(builder.zext(derived, WORD))
        with builder.if_then(derived):
            self._tuple(address)
        builder.ret_void()

    def _number(self) -> None:
        self._put(self._call(WORD, "PyLong_AsLongLong", self.object))

    def _real(self) -> None:
        self._put(self.builder.bitcast(self._call(ir.DoubleType(), "PyFloat_AsDouble", self.object), WORD))

    def _array(self) -> None:
        builder = self.builder
        self._put(self._at(self.object, DATA, WORD))
        ndim = builder.zext(self._at(self.object, NDIM, HALF), WORD)
        flags = builder.and_(self._at(self.object, FLAGS, HALF), ir.Constant(HALF, FLAGS_THAT_COUNT))
        for number in (ndim, builder.zext(flags, WORD), self._at(self._at(self.object, DTYPE, OBJECT), NUMBER, WORD)):
            self._note(number)
        lengths = self._at(self.object, LENGTHS, WORDS)
        few = builder.select(
            builder.icmp_unsigned("<", ndim, ir.Constant(WORD, DIMENSIONS)), ndim, ir.Constant(WORD, DIMENSIONS)
        )
        with cgutils.for_range(builder, few, intp=WORD) as loop:
            self._put(builder.load(builder.gep(lengths, [loop.index])))

    def _tuple(self, address: Any) -> None:
        """A tuple: its length, and its members. (A class of tuples has no part in it: what is in it counts.)"""
        count = self._call(WORD, "PyTuple_Size", self.object)
        self._note(count)
        with cgutils.for_range(self.builder, count, intp=WORD) as loop:
            member = self._call(OBJECT, "PyTuple_GetItem", self.object, loop.index)
            self.builder.call(self.function, [member, self.kinds, self.state])


def pack(builder: Any, given: Any, kinds: Any) -> tuple[Any, Any]:
    """Pack the object at an address, with Python's lock held; returns the number of its types and where its words lie."""
    function = _Packing(builder.module).function
    state = cgutils.alloca_once(builder, WORD, size=MOST + 2)
    for place, number in enumerate((0x4BF29CE484222325, 0)):
        builder.store(ir.Constant(WORD, number), builder.gep(state, [ir.Constant(WORD, place)]))
    builder.call(function, [builder.inttoptr(given, OBJECT), builder.inttoptr(kinds, WORDS), state])
    words = builder.ptrtoint(builder.gep(state, [ir.Constant(WORD, 2)]), WORD)
    return builder.load(state), words


def part_type() -> ir.FunctionType:
    """The C type of a part with packed arguments: (address of the words, index, thread) → 0 or an error's code."""
    return ir.FunctionType(HALF, [WORD, WORD, WORD])


def packed_name(function: str) -> str:
    """The name of the function that unpacks a part's arguments and calls it."""
    return f"gan_np_packed.{function}"


def add_unpacking(context: Any, library: Any, description: Any) -> None:
    """Give a library the function that unpacks the arguments of its part, behind an index and a thread, and calls it."""
    kinds = description.argtypes
    module = context.create_module("gan_np_packed")
    convention = context.call_conv.get_function_type(description.restype, kinds)
    part = ir.Function(module, convention, description.llvm_func_name)
    function = ir.Function(module, part_type(), packed_name(description.llvm_func_name))
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    address, index, thread = function.args
    words = _Words(context, builder, builder.inttoptr(address, WORDS))
    given = [index, thread, *(words.take(kind) for kind in kinds[2:])]
    status, _ = context.call_conv.call_function(builder, part, description.restype, kinds, given, attrs=("noinline",))
    builder.ret(builder.select(status.is_error, status.code, ir.Constant(HALF, 0)))
    library.add_ir_module(module)


def can_unpack(kinds: Any) -> bool:
    """Whether these are the types of a part's arguments: an index, a thread, and what can be packed."""
    counted = len(kinds) >= 2 and all(isinstance(kind, types.Integer) for kind in kinds[:2])
    return counted and sum(map(_words_of, kinds[2:])) < MOST


def _words_of(kind: Any) -> int:
    """How many words an argument takes; MOST if it cannot be packed."""
    if isinstance(kind, types.BaseTuple):
        members: Any = kind
        return sum(map(_words_of, members))
    if isinstance(kind, types.Array) and kind.layout == "C" and kind.ndim <= DIMENSIONS:
        return 1 + int(kind.ndim)
    return 1 if isinstance(kind, (types.Integer, types.Boolean, types.Float)) else MOST


def plain(given: Any) -> Any:
    """The same arguments with NumPy's numbers as Python's, and with arrays of derived classes as plain ones."""
    if isinstance(given, tuple):
        return tuple(map(plain, given))
    if isinstance(given, np.ndarray):
        return given.view(np.ndarray)
    return given.item() if isinstance(given, np.generic) else given


class _Words:
    """The words of a call, taken one after another, as values of the types that a part expects."""

    def __init__(self, context: Any, builder: Any, words: Any) -> None:
        self.context, self.builder, self.words, self.count = context, builder, words, 0

    def _word(self) -> Any:
        place = self.builder.gep(self.words, [ir.Constant(WORD, self.count)])
        self.count += 1
        return self.builder.load(place)

    def take(self, kind: Any) -> Any:
        """The next argument."""
        if isinstance(kind, types.BaseTuple):
            members: Any = kind
            return self.context.make_tuple(self.builder, kind, [self.take(member) for member in members])
        if isinstance(kind, types.Array):
            return self._array(kind)
        word = self._word()
        if isinstance(kind, types.Boolean):
            return self.builder.icmp_signed("!=", word, ir.Constant(WORD, 0))
        if isinstance(kind, types.Float):
            real = self.builder.bitcast(word, ir.DoubleType())
            return real if kind.bitwidth == 64 else self.builder.fptrunc(real, ir.FloatType())
        return word if kind.bitwidth == 64 else self.builder.trunc(word, ir.IntType(kind.bitwidth))

    def _array(self, kind: Any) -> Any:
        """An array without an owner, so that nobody counts references to it; the caller holds on to it until all are done.

        The counts are atomic and on one cache line for all threads: a part that called another function for each row of some
        arrays took four times as long on two threads as on one.
        """
        builder = self.builder
        array = self.context.make_array(kind)(self.context, builder)
        address, lengths = self._word(), [self._word() for _ in range(kind.ndim)]
        item = ir.Constant(WORD, self.context.get_abi_sizeof(self.context.get_data_type(kind.dtype)))
        strides, size = [item], item
        for length in reversed(lengths[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        size = ir.Constant(WORD, 1)
        for length in lengths:
            size = builder.mul(size, length)
        array.data = builder.inttoptr(address, array.data.type)
        array.nitems, array.itemsize = size, item
        array.shape, array.strides = (cgutils.pack_array(builder, part, WORD) for part in (lengths, strides))
        array.meminfo, array.parent = (
            cgutils.get_null_value(array.meminfo.type),
            cgutils.get_null_value(array.parent.type),
        )
        return array._getvalue()
