"""Eight float32, or four float64, side by side: a type and its operations, which numba lacks.

A loop over arrays cannot be told that its arrays do not overlap, so that the compiler guards every one, and
the inner loops of a transform are too short for that. Here loads, stores and arithmetic are as written, and
so are the roundings: a result is the same to the last bit wherever a kernel is inlined.

The type is a vector of LLVM's of 32 bytes. Where the processor has smaller registers it is made of two, and
where it cannot fuse a product and a sum (`features.compilation.processor`) they are rounded one by one.

Arrays are one-dimensional and contiguous, and **no index is checked**: who calls answers for them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from features.compilation.jit import part
from features.compilation.processor import FUSED_ARITHMETIC

BYTES = 32
LANES = 8
"""Numbers of a register of float32."""

DOUBLE_LANES = 4
"""Numbers of a register of float64."""

_INT = ir.IntType(32)

instruction: Any = intrinsic
"""Of a function that says how numba is to compile calls to it; numba's decorator keeps no type."""


class Register(types.Type):
    """Numba's type of several numbers of one kind, `item`."""

    def __init__(self, item: Any) -> None:
        if item not in {types.float32, types.float64}:
            raise TypeError(f"lanes are float32 or float64, not {item}")
        self.item = item
        self.lanes = BYTES * 8 // item.bitwidth
        self.vector = ir.VectorType(ir.FloatType() if item is types.float32 else ir.DoubleType(), self.lanes)
        super().__init__(name=f"{item}x{self.lanes}")


@register_model(Register)
class _RegisterModel(models.PrimitiveModel):
    def __init__(self, manager: Any, register: Register) -> None:
        super().__init__(manager, register, register.vector)  # type: ignore[no-untyped-call]


@instruction
def load(_: Any, array: Any, start: Any) -> Any:
    """The elements of an array from `start` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        return builder.load(pointer, align=signature.return_type.item.bitwidth // 8)

    return Register(array.dtype)(array, start), generate


@instruction
def store(_: Any, array: Any, start: Any, values: Any) -> Any:
    """Write into an array from `start` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        builder.store(arguments[2], pointer, align=signature.args[2].item.bitwidth // 8)
        return context.get_dummy_value()

    if values != Register(array.dtype):
        raise TypeError(f"cannot store {values} in {array}")
    return types.void(array, start, values), generate


@instruction
def spread(_: Any, value: Any) -> Any:
    """One float32 or float64 in all lanes."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = signature.return_type.vector
        nothing = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(_INT, 0))
        lanes = ir.Constant(ir.VectorType(_INT, vector.count), [0] * vector.count)
        return builder.shuffle_vector(first, nothing, lanes)

    return Register(value)(value), generate


@instruction
def total(_: Any, a: Any) -> Any:
    """The sum of all lanes, of neighbours first."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        numbers = [
            builder.extract_element(arguments[0], ir.Constant(_INT, i))
            for i in range(signature.args[0].lanes)
        ]
        while len(numbers) > 1:
            numbers = [builder.fadd(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        return numbers[0]

    return a.item(a), generate


@instruction
def add(_: Any, a: Any, b: Any) -> Any:
    """a + b"""
    return a(a, b), lambda _context, builder, _signature, arguments: builder.fadd(*arguments)


@instruction
def sub(_: Any, a: Any, b: Any) -> Any:
    """a - b"""
    return a(a, b), lambda _context, builder, _signature, arguments: builder.fsub(*arguments)


@instruction
def mul(_: Any, a: Any, b: Any) -> Any:
    """a b"""
    return a(a, b), lambda _context, builder, _signature, arguments: builder.fmul(*arguments)


@instruction
def div(_: Any, a: Any, b: Any) -> Any:
    """a / b"""
    return a(a, b), lambda _context, builder, _signature, arguments: builder.fdiv(*arguments)


@instruction
def mul_add(_: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c"""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _mul_add(builder, signature, *arguments)

    return a(a, b, c), generate


@instruction
def mul_sub(_: Any, a: Any, b: Any, c: Any) -> Any:
    """a b - c"""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, c = arguments
        return _mul_add(builder, signature, a, b, builder.fneg(c))

    return a(a, b, c), generate


@instruction
def sub_mul(_: Any, a: Any, b: Any, c: Any) -> Any:
    """c - a b"""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b, c = arguments
        return _mul_add(builder, signature, builder.fneg(a), b, c)

    return a(a, b, c), generate


@instruction
def nearest(_: Any, a: Any) -> Any:
    """The nearest whole number in each lane, the even one of two."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, signature, "llvm.rint", arguments)

    return a(a), generate


@instruction
def below(_: Any, a: Any) -> Any:
    """The largest whole number that is not larger, in each lane."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _call(builder, signature, "llvm.floor", arguments)

    return a(a), generate


@instruction
def larger(_: Any, a: Any, b: Any) -> Any:
    """The larger of two in each lane; b where a is NaN."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        a, b = arguments
        return builder.select(builder.fcmp_ordered(">", a, b), a, b)

    return a(a, b), generate


@instruction
def smaller(_: Any, a: Any, b: Any) -> Any:
    """The smaller of two in each lane; b where a is NaN."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        a, b = arguments
        return builder.select(builder.fcmp_ordered("<", a, b), a, b)

    return a(a, b), generate


@instruction
def where_above(_: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    """`yes` in the lanes where a > b, `no` in the others."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        a, b, yes, no = arguments
        return builder.select(builder.fcmp_ordered(">", a, b), yes, no)

    return yes(a, b, yes, no), generate


@instruction
def any_above(_: Any, a: Any, b: Any) -> Any:
    """Whether a > b in any lane."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b = arguments
        bits = ir.IntType(signature.args[0].lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(builder.fcmp_ordered(">", a, b), bits), bits(0))

    return types.boolean(a, b), generate


@part
def filled(n: int) -> int:
    """Length of a series of n float64 when its last register is filled."""
    return -(-n // DOUBLE_LANES) * DOUBLE_LANES


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Pointer to a register in the array and from the index that are the first two arguments."""
    kind = signature.args[0]
    array = context.make_array(kind)(context, builder, arguments[0])
    index = context.cast(builder, arguments[1], signature.args[1], types.intp)
    return builder.bitcast(builder.gep(array.data, [index]), Register(kind.dtype).vector.as_pointer())


def _mul_add(builder: Any, signature: Any, a: Any, b: Any, c: Any) -> Any:
    """``a b + c``, with one rounding where the processor can."""
    if FUSED_ARITHMETIC:
        return _call(builder, signature, "llvm.fma", [a, b, c])
    return builder.fadd(builder.fmul(a, b), c)


def _call(builder: Any, signature: Any, name: str, arguments: Any) -> Any:
    """Call of a function of LLVM's that has the same type of arguments as of result."""
    register = signature.return_type
    kind = ir.FunctionType(register.vector, [register.vector] * len(arguments))
    full_name = f"{name}.v{register.lanes}f{register.item.bitwidth}"
    function = cgutils.get_or_insert_function(builder.module, kind, full_name)  # type: ignore[no-untyped-call]
    return builder.call(function, arguments)
