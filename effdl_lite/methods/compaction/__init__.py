"""Compaction: a network with zero groups becomes a smaller dense one that computes exactly the same.

Structured Sparsity Learning leaves whole filters, channels and layers at zero, but a zero costs as much as any other
number until it is cut out. Read in this order: `operations.py` (what an operation does to channels), `tracing.py` (the
network as a list of operations), `channels.py` (which channels must stay), `rebuild.py` (cutting), `report.py`.

Recurrent language models, whose hidden units Intrinsic Sparse Structures leave at zero, have files of their own:
`units.py` (which units must stay) and `recurrent.py` (cutting).
"""

from effdl_lite.methods.compaction.kept_map import KeptMap
from effdl_lite.methods.compaction.rebuild import compact
from effdl_lite.methods.compaction.recurrent import compact_recurrent
from effdl_lite.methods.compaction.report import LayerChannels, dead_channels
from effdl_lite.methods.compaction.units import kept_units

__all__ = ["KeptMap", "LayerChannels", "compact", "compact_recurrent", "dead_channels", "kept_units"]
