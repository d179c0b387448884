"""Passes tensors between taut and NumPy, and taut and PyTorch, through DLPack, in both directions.

Checks values, strides, that memory is shared both ways, and that each deleter is called once.
Run: python examples/dlpack/check.py target/debug/examples/libdlpack.so
"""

import ctypes
import sys

import numpy
import torch

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32),
        ("dtype", ctypes.c_uint8 * 4),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Legacy(ctypes.Structure):
    NAME = b"dltensor"
    USED = b"used_dltensor"
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


class Versioned(ctypes.Structure):
    NAME = b"dltensor_versioned"
    USED = b"used_dltensor_versioned"
    _fields_ = [
        ("version", ctypes.c_uint32 * 2),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    ]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
taut = ctypes.CDLL(sys.argv[1])
for name, result, arguments in [
    ("make", ctypes.c_int32, [ctypes.c_size_t]),
    ("view", ctypes.c_int32, [ctypes.c_uint32]),
    ("forget", None, []),
    ("lend", ctypes.c_void_p, []),
    ("lend_legacy", ctypes.c_void_p, []),
    ("borrow", ctypes.c_int32, [ctypes.c_void_p]),
    ("borrow_legacy", ctypes.c_int32, [ctypes.c_void_p]),
    ("add", ctypes.c_int32, [ctypes.c_int64]),
    ("fill", ctypes.c_int32, [ctypes.c_int64]),
    ("values", ctypes.c_ssize_t, [ctypes.POINTER(ctypes.c_double), ctypes.c_size_t]),
    ("live_bytes", ctypes.c_uint64, []),
]:
    function = getattr(taut, "taut_" + name)
    function.restype, function.argtypes = result, arguments
    setattr(taut, name, function)

python = ctypes.pythonapi
python.PyCapsule_New.restype = ctypes.py_object
python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
python.PyCapsule_GetPointer.restype = ctypes.c_void_p
python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
python.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]

checks = 0


def check(truth, *what):
    global checks
    checks += 1
    if not truth:
        sys.exit(f"failed: {what}")


class Counted:
    """Puts a deleter that counts in front of the one of the struct at an address."""

    def __init__(self, kind, address):
        self.calls = 0
        managed = kind.from_address(address)
        original = DELETER(managed.deleter)

        def deleter(address):
            self.calls += 1
            original(address)

        self.callback = DELETER(deleter)
        managed.deleter = ctypes.cast(self.callback, ctypes.c_void_p).value


class Lent:
    """What taut holds, as the libraries ask for it."""

    def __init__(self, kind):
        self.kind = kind

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **wishes):
        address = taut.lend() if self.kind is Versioned else taut.lend_legacy()
        self.counted = Counted(self.kind, address)
        return python.PyCapsule_New(address, self.kind.NAME, None)


def values():
    numbers = (ctypes.c_double * 200)()
    count = taut.values(numbers, 200)
    check(count >= 0, "values")
    return numbers[:count]


def flat(x):
    if isinstance(x, torch.Tensor):
        return x.to(torch.float64).reshape(-1).tolist()
    return x.astype("float64").reshape(-1).tolist()


def strides(x):
    return x.stride() if isinstance(x, torch.Tensor) else tuple(step // x.itemsize for step in x.strides)


def view(x, kind):
    """As `taut_view`, by the library itself."""
    if kind == 1:
        return x.permute(2, 0, 1) if isinstance(x, torch.Tensor) else x.transpose(2, 0, 1)
    if kind == 6:
        row = x[:, 0, :][:, None, :]
        return row.expand(2, 5, 4) if isinstance(x, torch.Tensor) else numpy.broadcast_to(row, (2, 5, 4))
    if kind == 4:
        return x[1, 2, 3] if isinstance(x, torch.Tensor) else x[1, 2, 3, ...]
    return [x, None, x[:, 1:3], x[:, :, 1::2], None, x[0:0]][kind]


def numbers(library, dtype):
    if library is torch:
        return torch.arange(24).view(2, 3, 4).to(getattr(torch, dtype))
    return numpy.arange(24).reshape(2, 3, 4).astype(dtype)


def exported(library, kind, place, which):
    dtype = DTYPES[place]
    what = ("taut to", library.__name__, kind.__name__, dtype, which)
    before = taut.live_bytes()
    check(taut.make(place) == 0 and taut.view(which) == 0, what)
    expected = view(numbers(library, dtype), which)
    lent = Lent(kind)
    x = library.from_dlpack(lent)
    check(str(x.dtype).removeprefix("torch.") == dtype and x.shape == expected.shape, what, x.dtype, x.shape)
    check(flat(x) == flat(expected), what, x)
    check(x.size == 0 or 0 in x.shape or strides(x) == strides(expected), what, strides(x))
    check(lent.counted.calls == 0, what, "deleted early")
    # What taut writes is seen, and what it sees is written: NumPy takes version 0 as read-only.
    if which != 6:
        check(taut.fill(1) == 0 and set(flat(x)) <= {1.0}, what, "taut's write")
    if library is torch or x.flags.writeable:
        x[...] = 0
        check(set(values()) <= {0.0}, what, "their write")
    # Memory that is lent outlives the tensor.
    taut.forget()
    check(lent.counted.calls == 0 and len(flat(x)) == len(flat(expected)), what, "deleted early")
    del x
    check(lent.counted.calls == 1, what, "deleted", lent.counted.calls)
    check(taut.live_bytes() == before, what, "memory is kept")


def take(x, kind):
    """Takes a capsule as a consumer does: marks it as used, and counts its deleter."""
    capsule = x.__dlpack__(max_version=(1, 0)) if kind is Versioned else x.__dlpack__()
    address = python.PyCapsule_GetPointer(capsule, kind.NAME)
    python.PyCapsule_SetName(capsule, kind.USED)
    counted = Counted(kind, address)
    borrowed = taut.borrow(address) if kind is Versioned else taut.borrow_legacy(address)
    return borrowed == 0, counted


def imported(library, kind, place, which):
    dtype = DTYPES[place]
    what = (library.__name__, "to taut", kind.__name__, dtype, which)
    x = view(numbers(library, dtype), which)
    if library is numpy and which == 6:
        x.flags.writeable = True
    borrowed, counted = take(x, kind)
    check(borrowed and values() == flat(x), what, x)
    # Memory without elements is given back at once.
    gone = 0 if flat(x) else 1
    check(counted.calls == gone, what, "deleted early")
    if which != 6:
        check(taut.fill(1) == 0 and set(flat(x)) <= {1.0}, what, "taut's write")
    x[...] = 0
    check(set(values()) <= {0.0}, what, "their write")
    # Memory that is borrowed outlives the array.
    del x
    check(counted.calls == gone and set(values()) <= {0.0}, what, "deleted early")
    taut.forget()
    check(counted.calls == 1, what, "deleted", counted.calls)


def refused(x, what):
    borrowed, counted = take(x, Versioned)
    check(not borrowed and counted.calls == 1, what, borrowed, counted.calls)


for library in (numpy, torch):
    for kind in (Legacy, Versioned):
        for place, dtype in enumerate(DTYPES):
            if library is torch or dtype != "bfloat16":
                for which in range(7):
                    exported(library, kind, place, which)
                    imported(library, kind, place, which)

print("five are refused, and taut says why:", file=sys.stderr)
fixed = numpy.arange(4)
fixed.flags.writeable = False
refused(fixed, "read-only")
refused(numpy.arange(4)[::-1], "backwards")
refused(numpy.arange(4, dtype="uint32"), "uint32")
refused(torch.zeros(2, dtype=torch.complex64), "complex")
refused(numpy.frombuffer(bytearray(9), "uint8", 8, 1).view("int32"), "not aligned")
print(f"{checks} checks with NumPy {numpy.__version__} and PyTorch {torch.__version__}: all hold")
