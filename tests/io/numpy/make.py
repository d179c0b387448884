"""Writes the files beside this one, which NumPy 2.4 wrote: tests/io reads them and writes the same bytes."""

import numpy as np

VALUES = [[0, 1, 2], [3, 4, 100]]
for code in ["b1", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]:
    array = np.array(VALUES).astype(code)
    np.save(f"{code}.npy", array)
    if array.itemsize > 1:
        np.save(f"big_{code}.npy", array.astype(">" + code))
np.save("fortran.npy", np.asfortranarray(np.array(VALUES, dtype="i4")))
np.save("scalar.npy", np.array(2.5))
np.save("one_dim.npy", np.arange(10, dtype="f4"))
np.save("empty.npy", np.zeros((2, 0, 3), dtype="f4"))
for version in [(2, 0), (3, 0)]:
    with open(f"version_{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, np.array(VALUES, dtype="i4"), version=version)
np.save("uint32.npy", np.zeros(2, dtype="u4"))
np.save("complex64.npy", np.zeros(2, dtype="c8"))
np.save("text.npy", np.array(["a", "b"]))
np.save("structured.npy", np.zeros(2, dtype=[("a", "f4"), ("b", "i4", (2,))]))
np.save("pickled.npy", np.array([None, {}], dtype=object))
arrays = {"x": np.arange(6, dtype="f4").reshape(2, 3), "y": np.arange(1000, dtype="i8")}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
