"""Several processes, on one machine or many, that fit one model: torch.distributed, started by torchrun.

    torchrun --nproc-per-node 8 -m overica fit acts/ --method ica --components 65536 -o run1

Every rank runs the same program with the same seed. Batches are drawn alike by all, each infers its `share`, and the
sums over samples are added up (`total` of `.exchange`), so that every rank takes the same step and holds the same
model; what a fit finds does not depend on the number of ranks but for rounding. Sums in memory go by gloo, those on
GPUs by nccl. A rank that fails ends all with its message, see `together`.

The same holds for a script that torchrun starts: `fit` in it is a fit of all ranks together, and all of them must call
it, on the same data. ``with alone():`` lets a rank fit something by itself. Without torchrun's variables nothing
happens here, and torch is not imported.
"""

from overica._names import handed_out
from overica.distributed.ending import RankError, together
from overica.distributed.exchange import barrier, broadcast
from overica.distributed.ranks import alone, rank, share, world

__all__ = ["RankError", "alone", "barrier", "broadcast", "rank", "share", "together", "world"]

__getattr__ = handed_out(
    __name__,
    moved={
        "align": "overica.distributed.exchange",
        "average": "overica.distributed.exchange",
        "check_divisible": "overica.distributed.ranks",
        "check_same": "overica.distributed.exchange",
        "gathered": "overica.distributed.exchange",
        "local_rank": "overica.distributed.ranks",
        "local_world": "overica.distributed.ranks",
        "shared": "overica.distributed.ending",
        "total": "overica.distributed.exchange",
    },
)
