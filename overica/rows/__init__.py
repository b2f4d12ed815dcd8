"""Samples from anywhere: what they may come as, and how they are read without ever being copied whole."""

from overica.rows.drawing import Draws, Position, RowDraws
from overica.rows.kinds import opened
from overica.rows.parts import chunks, part_by_part
from overica.rows.reservoir import Reservoir
from overica.rows.rows import Rows, in_memory, some_rows
from overica.rows.shards import ShardedRows, row_batches
from overica.rows.shuffling import StreamDraws
from overica.rows.signatures import signatures
from overica.rows.streams import Stream

__all__ = [
    "Draws",
    "Position",
    "Reservoir",
    "RowDraws",
    "Rows",
    "ShardedRows",
    "Stream",
    "StreamDraws",
    "chunks",
    "in_memory",
    "opened",
    "part_by_part",
    "row_batches",
    "signatures",
    "some_rows",
]
