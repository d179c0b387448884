"""Writes numpy_print.jsonl: arrays and what NumPy's str() makes of them.

A line is {"dtype", "shape", "values", "text"}; the values repeat, row-major, until the shape is full.
Run in this folder, with NumPy 2.4. The seed is fixed: the same file comes out each time.
"""

import json
import math

import numpy as np

rng = np.random.default_rng(20261123)
nan, inf = math.nan, math.inf
FLOATS = ["float16", "float32", "float64"]
INTS = ["uint8", "int8", "int16", "int32", "int64"]
lines = []


def case(dtype, shape, values):
    values = np.array(values).astype(dtype)
    array = np.resize(values, shape) if math.prod(shape) else np.zeros(shape, dtype)
    values = values[: array.size].tolist()
    values = [v if math.isfinite(v) else str(v) for v in values]
    record = {"dtype": dtype, "shape": shape, "values": values, "text": str(array)}
    lines.append(json.dumps(record, separators=(",", ":")))


def floats(dtype):
    scalars = [
        0.0, -0.0, 1.0, -2.5, 0.1, 1 / 3, 999.5, 1000.0, 999999.0, 1e6, 123456789.0, 1e15, 1e16, 1e-4, 9.9e-5,
        -6e-8, 5e-324, 1e300, 256.25, 2097152.25, 2.0**-44, nan, inf, -inf,
    ]  # fmt: skip
    for value in scalars:
        case(dtype, (), [value])
    vectors = [
        # the non-finite, zeros
        [0, -0.0, 0], [nan], [inf], [-inf, nan], [nan, 1], [-inf, 1.5], [inf, 1e10], [nan, -inf, 1e-7, 0.5],
        [-inf, -1.25], [-1e-5, 0, -0.0], [-0.0, 3],
        # both sides of the bounds of positional notation
        [1e-4, 1], [9.9e-5, 1], [1, 1000], [1, 1001], [0.3333, 333.5], [999, 1], [1000, 500], [999999, 123456],
        [1e6, 1e6], [99999999.0, 12345678.0], [1e8, 1e8], [1e300, 1], [1e-300, 1], [5e-324, 0], [1e-10, 1e10],
        # digits, ties, powers of two
        [3, 2, 2, 2, 2], [0.1, 1 / 3, 2 / 3, -0.7], [123.456, -7.25, 0.001], [1e10, 1.2345678e-5, 7], [256.25, 1],
        [2097152.25], [100000000.25], [65504, 1], [6e-8, 1.2e-7], [1.0000001, 1], [16777217, 1], [0.1 + 0.2, 0.3],
        [12345.678901234, 0.5], [2.0**-44], [2.0**-20, 2.0**-30], [2.0**100, 2.0**-100],
        [2.0**i for i in range(-24, 16)],
    ]  # fmt: skip
    for values in vectors:
        case(dtype, (len(values),), values)
    for shape in [(7,), (40,), (3, 4), (2, 3, 4), (2, 1, 2, 3), (5, 11), (1, 1), (2, 2, 2, 1)]:
        count = min(math.prod(shape), 24)
        special = rng.normal(size=count) * 100
        special[rng.integers(count)] = rng.choice([nan, inf, -inf, 0.0])
        case(dtype, shape, special)
        case(dtype, shape, rng.random(count))
        case(dtype, shape, rng.integers(-9, 10, count))
        case(dtype, shape, rng.integers(-400, 400, count) / 8)
        case(dtype, shape, rng.normal(size=count) * 10.0 ** rng.integers(-6, 6, count))
    for shape in [(1001,), (40, 40), (2, 600), (600, 2), (20, 3, 20), (8, 8, 17), (3, 7, 5, 11), (1200, 1)]:
        case(dtype, shape, rng.normal(size=11) * 10.0 ** rng.integers(-2, 2))
        case(dtype, shape, rng.integers(-9, 99, 13))
    case(dtype, (1000,), rng.normal(size=7))
    case(dtype, (1, 1, 1, 1, 30), [0.125, 7, -1.75])
    # only the elements that are shown decide the notation
    case(dtype, (1002,), [1] * 3 + [2048] * 996 + [2] * 3)


def ints(dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for shape in [(), (1,), (6,), (30,), (3, 4), (2, 2, 3), (4, 30), (1001,), (40, 40), (3, 400, 2), (2,) * 5]:
        case(dtype, shape, rng.integers(max(low, -1000), min(high, 1000) + 1, 7))
    case(dtype, (4,), [low, high, 0, 1])
    case(dtype, (2, 30), [low, high, 3])


with np.errstate(all="ignore"):
    for dtype in FLOATS:
        floats(dtype)
for dtype in INTS:
    ints(dtype)
for shape in [(), (1,), (2,), (2, 3), (2, 2, 2), (30,), (2000,), (40, 40)]:
    case("bool", shape, [True, False, True, True, False])
    case("bool", shape, [False])
for dtype in [*FLOATS, *INTS, "bool"]:
    for shape in [(0,), (0, 3), (2, 0, 4)]:
        case(dtype, shape, [])
with open("numpy_print.jsonl", "w") as file:
    file.writelines(line + "\n" for line in lines)
