"""Run by mpiexec: messages of every kind, and trainings beside the same ones with threads as ranks."""

import faulthandler
import sys

faulthandler.dump_traceback_later(170, exit=True)

import numpy as np  # noqa: E402
from equal_cases import trained  # noqa: E402

from gan_np.distributed import chosen_ranks, mpi, pieces  # noqa: E402
from gan_np.kernels import threads  # noqa: E402
from gan_np.thread_ranks import in_threads, summed  # noqa: E402

ranks = chosen_ranks("auto")
size, rank = ranks.size, ranks.rank
assert size == int(sys.argv[1]), ranks
assert (ranks.local_rank, ranks.local_size) == (rank, size)
assert threads.count() >= 1

for count in (1, 5, 1023, 1024 * size + 1, 50_001):
    for dtype in (np.float32, np.float64):
        given = [np.random.default_rng(one).standard_normal((count, 1)).astype(dtype) for one in range(size)]
        total = given[rank].copy()
        ranks.all_reduce(total)
        np.testing.assert_array_equal(total, summed(given), err_msg=f"{count} {dtype}")
rows, others = ranks.all_gather(np.full((2, 3), rank, np.float32), np.full((2, 1, 2), 10 + rank, np.float32))
assert rows.shape == (2 * size, 3)
assert others[:, 0, 1].tolist() == [10 + one for one in range(size) for _ in range(2)]
assert ranks.exchange({"rank": rank, "long": "x" * 1000 * rank})[-1]["rank"] == size - 1
assert ranks.broadcast(np.arange(10) if rank == 0 else None).tolist() == list(range(10))
assert ranks.largest(rank) == size - 1
assert ranks.first_here(lambda: rank) == rank
assert ranks.from_first(lambda: "first") == "first"
assert ranks.traffic["objects"].sent > 1000 * rank

assert ranks.collect(rank * [rank]) == ([one * [one] for one in range(size)] if rank == 0 else [])
assert list(ranks.in_turn(range(rank, 7, size))) == (list(range(7)) if rank == 0 else [])

given = [np.random.default_rng(one).standard_normal(200_001).astype(np.float32) for one in range(size)]
total = given[rank].copy()
under_way = ranks.pieces(total, "pieces")
for start in (190_000, 120_000, 119_999, 60_000, 7):
    under_way.ready(start)
    assert ranks.total(np.ones(3)).tolist() == [size] * 3  # other messages meanwhile
under_way.finish()
np.testing.assert_array_equal(total, summed(given))
assert ranks.traffic["pieces"].calls == 2 * 4  # the first and the third are too small to go by themselves
mpi.PIECE = pieces.PIECE = 256  # so that the small networks below are sent in pieces too

for case in ("infogan", "minibatch deviation, R1"):
    found = trained(case, ranks, 8)
    expected = in_threads(lambda pretended, case=case: trained(case, pretended, 8), size)[rank]
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=f"{case}: {name}")

assert ranks.traffic["gradient of D"].calls > 2 * 8 * 2  # two for each piece and update

ranks.barrier()
if len(sys.argv) > 2 and rank == size - 1:
    raise MemoryError("planted: no memory left")
if len(sys.argv) > 2:
    ranks.barrier()  # never comes
print(f"rank {rank} is done")
