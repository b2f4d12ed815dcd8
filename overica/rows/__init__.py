"""Samples from anywhere: what they may come as, and how they are read without ever being copied whole."""

from overica._names import handed_out
from overica.rows.kinds import opened
from overica.rows.rows import Rows
from overica.rows.shards import ShardedRows
from overica.rows.streams import Stream

__all__ = ["Rows", "ShardedRows", "Stream", "opened"]

__getattr__ = handed_out(
    __name__,
    moved={
        "Draws": "overica.rows.drawing",
        "Position": "overica.rows.drawing",
        "Reservoir": "overica.rows.reservoir",
        "RowDraws": "overica.rows.drawing",
        "StreamDraws": "overica.rows.shuffling",
        "chunks": "overica.rows.parts",
        "in_memory": "overica.rows.rows",
        "part_by_part": "overica.rows.parts",
        "row_batches": "overica.rows.shards",
        "some_rows": "overica.rows.rows",
    },
)
