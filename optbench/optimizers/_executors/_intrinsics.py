"""What Numba lacks: addresses as pointers, a thread's own scratch memory, and stores that go past the caches."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LINE = 64
"""Bytes of a cache line. Stores past the caches are of whole lines, at addresses that are multiples of it."""

BLOCK = 256
"""Elements of a thread's scratch memory. Of 64 to 4096 tried, 128 to 512 were the fastest: a longer run of stores past
the caches stalls, because few such lines can be on their way at a time."""


def _pointer_to(element: types.Type) -> Any:
    @intrinsic
    def at(typing_context: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(element)(types.int64), codegen  # type: ignore[no-untyped-call]

    return at


def _scratch(element: types.Type) -> Any:
    @intrinsic
    def scratch(typing_context: Any) -> Any:
        """Return a pointer to BLOCK elements of this call's own, at a multiple of LINE."""

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            memory = cgutils.alloca_once(builder, context.get_value_type(element), BLOCK)  # type: ignore[no-untyped-call]
            memory.align = LINE
            return memory

        return types.CPointer(element)(), codegen  # type: ignore[no-untyped-call]

    return scratch


@intrinsic
def stream(typing_context: Any, target: Any, source: Any, count: Any) -> Any:
    """Copy count elements past the caches: whole lines, source and target multiples of LINE."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        real = context.get_value_type(target.dtype)
        lanes = LINE // (target.dtype.bitwidth // 8)
        line = ir.VectorType(real, lanes).as_pointer()
        to, origin = (builder.bitcast(pointer, line) for pointer in arguments[:2])
        past = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        lines = builder.sdiv(arguments[2], ir.Constant(arguments[2].type, lanes))
        with cgutils.for_range(builder, lines) as loop:
            value = builder.load(builder.gep(origin, [loop.index]), align=LINE)
            store = builder.store(value, builder.gep(to, [loop.index]), align=LINE)
            store.set_metadata("nontemporal", past)
        return context.get_dummy_value()

    return types.void(target, source, types.int64), codegen


@intrinsic
def settle(typing_context: Any) -> Any:
    """Let what has been streamed be seen by the other threads before anything that follows."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


_ELEMENTS: dict[Any, Any] = {np.float32: types.float32, np.float64: types.float64}

AT = {dtype: _pointer_to(element) for dtype, element in _ELEMENTS.items()}
"""By type: a function of an address that returns it as a pointer."""

INTEGERS_AT = _pointer_to(types.int64)
"""The same for 64-bit integers."""

SCRATCH = {dtype: _scratch(element) for dtype, element in _ELEMENTS.items()}
"""By type: a function that returns a pointer to scratch memory of its caller's own."""
