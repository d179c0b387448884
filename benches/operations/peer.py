"""The rows of a file that `operations` printed, in PyTorch, beside it and worst first.

    python peer.py [--n 65536] [--ms 40] taut.tsv
"""

import argparse
import math
import time

import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=1 << 16)
parser.add_argument("--ms", type=float, default=40)
parser.add_argument("file")
options = parser.parse_args()

n = options.n
columns = 1 << math.ceil(int(math.log2(n)) / 2)
rows = n // columns
torch.manual_seed(1)


def ints(below, *shape):
    return torch.randint(below, shape)


names = {
    "torch": torch,
    "F": F,
    "n": n,
    "a": torch.rand(n) / 2 + 0.5,
    "b": torch.rand(n) / 2 + 0.5,
    "c": torch.zeros(n),
    "x": torch.randn(n),
    "m": torch.randn(rows, columns),
    "w": torch.randn(rows, columns),
    "row": torch.randn(columns),
    "col": torch.randn(rows, 1),
    "ri": ints(rows, rows),
    "d": torch.rand(n).double(),
    "h": torch.rand(n).half(),
    "g": torch.rand(n).bfloat16(),
    "u": ints(100, n).clamp(1).to(torch.uint8),
    "i": (ints(1000, n) + 1).int(),
    "j": (ints(100, n) + 1).int(),
    "l": ints(1000, n) + 1,
    "k": torch.rand(n) < 0.5,
    "km": torch.rand(rows, columns) < 0.5,
    "p": ints(n, n),
    "q": ints(columns, rows, columns),
}


def measure(expression):
    """The lower quartile of what a call takes, in ns."""
    call = eval("lambda: " + expression, names)

    def sample(calls):
        start = time.perf_counter_ns()
        for _ in range(calls):
            call()
        return time.perf_counter_ns() - start

    calls = 1
    while sample(calls) < 200_000:
        calls *= 2
    samples, start = [], time.perf_counter_ns()
    while len(samples) < 5 or time.perf_counter_ns() - start < options.ms * 1e6:
        samples.append(sample(calls) / calls)
    return sorted(samples)[len(samples) // 4]


table = []
for line in open(options.file):
    name, ns = line.rstrip("\n").split("\t")
    table.append((name, float(ns), measure(name)))
print(f"{'operation':<60} {'taut, us':>10} {'PyTorch':>10} {'ratio':>6}")
for name, ns, peer in sorted(table, key=lambda row: row[2] / row[1]):
    print(f"{name[:60]:<60} {ns / 1e3:>10.2f} {peer / 1e3:>10.2f} {ns / peer:>6.2f}")
worse = sum(ns > peer for _, ns, peer in table)
print(f"{len(table)} operations, {worse} of them slower than PyTorch's")
