"""What a store holds: its runs and its measurements of costs, found, filtered, removed and exported. No torch.

A run that another version of optbench made, one that was killed and one that is damaged are records too: all that is
on the disk is told, and can be removed.
"""

from optbench.runs._export import SCHEMA, document, histories_csv, json_lines
from optbench.runs._filter import Filter, find, select
from optbench.runs._stored import RUN_STATUSES, Stored, StoredCost, costs, delete, opened, stored

__all__ = [
    "RUN_STATUSES",
    "SCHEMA",
    "Filter",
    "Stored",
    "StoredCost",
    "costs",
    "delete",
    "document",
    "find",
    "histories_csv",
    "json_lines",
    "opened",
    "select",
    "stored",
]
