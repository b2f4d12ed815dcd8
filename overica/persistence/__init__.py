"""What is kept on disk: written whole or not at all, and told apart from what is damaged.

`write_atomically` and `replacing` put one file in place, `staged` and `replace_together` several that belong together;
`append_lines` adds JSON lines to a file; `write_arrays` seals arrays with a checksum, `write_checkpoint` a model;
`FolderLock` keeps a second writer out; `check_output_folder` says before any work what could not be written; by a
`Journal` a fit goes on that was killed. What is written is on the disk when the call returns. Whatever reads raises a
ValueError that names the file if it is damaged.
There is no pickle.
"""

from overica.persistence.archive import read_arrays, write_arrays
from overica.persistence.atomic import PART, read_json, replacing, write_atomically, write_json
from overica.persistence.checkpoint import damage_named, read_checkpoint, write_checkpoint
from overica.persistence.estimators import Persistent, expressible
from overica.persistence.fingerprint import described, fingerprint
from overica.persistence.journal import Journal, Stage
from overica.persistence.jsonl import append_lines, finite, read_lines, write_lines
from overica.persistence.lock import LOCK, FolderLock
from overica.persistence.output import check_output_file, check_output_folder
from overica.persistence.resuming import journal_of, kept_fit, warn_of_checkpoint
from overica.persistence.together import current, replace_together, staged
from overica.persistence.values import remember, series_values

__all__ = [
    "LOCK",
    "PART",
    "FolderLock",
    "Journal",
    "Persistent",
    "Stage",
    "append_lines",
    "check_output_file",
    "check_output_folder",
    "current",
    "damage_named",
    "described",
    "expressible",
    "fingerprint",
    "finite",
    "journal_of",
    "kept_fit",
    "read_arrays",
    "read_checkpoint",
    "read_json",
    "read_lines",
    "remember",
    "replace_together",
    "replacing",
    "series_values",
    "staged",
    "warn_of_checkpoint",
    "write_arrays",
    "write_atomically",
    "write_checkpoint",
    "write_json",
    "write_lines",
]
