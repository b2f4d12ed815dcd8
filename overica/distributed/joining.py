"""The one meeting of the ranks: a store that all reach, and the group in which they exchange numbers."""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from overica.distributed.ranks import rank, world

if TYPE_CHECKING:
    from torch.distributed import Store

PATIENCE = timedelta(minutes=30)
"""How long a rank waits for one that lives and does not come; one that dies is noticed at once."""
_MEETING = timedelta(minutes=5)
"""How long ranks wait for each other at the start."""
_ADDRESS = ("MASTER_ADDR", "MASTER_PORT")


@cache
def store() -> Store:
    """Where ranks leave words for each other.

    Raises
    ------
    ValueError
        If nothing says where it is.
    RuntimeError
        If it cannot be reached.
    """
    import torch.distributed as dist

    if dist.is_initialized():
        # Of a group that the caller has made.
        return dist.distributed_c10d._get_default_store()
    for name in _ADDRESS:
        if name not in os.environ:
            raise ValueError(
                f"`{name}` must be set where `WORLD_SIZE` is {world()}: start the processes by torchrun"
            )
    found, _, _ = next(dist.rendezvous("env://", timeout=_MEETING))
    return found


@cache
def join() -> None:
    """Make the default group, of gloo for what lies in memory and nccl for GPUs; the first call waits for all ranks.

    Nothing may hold the group itself: what outlives `destroy_process_group` aborts the process as it ends.

    Raises
    ------
    ValueError
        If there is a group already that moves nothing but what lies on GPUs.
    RuntimeError
        If some ranks do not come.
    """
    import torch
    import torch.distributed as dist

    both = "cpu:gloo,cuda:nccl"
    if not dist.is_initialized():
        backend = both if torch.cuda.is_available() else "gloo"
        dist.init_process_group(
            backend, store=store(), rank=rank(), world_size=world(), timeout=PATIENCE
        )
        atexit.register(dist.destroy_process_group)
    elif dist.get_backend() == "nccl":
        raise ValueError(
            f'a process group must be made with backend "{both}", got "nccl"; made by none, the fit makes its own'
        )
