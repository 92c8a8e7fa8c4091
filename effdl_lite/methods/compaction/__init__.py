"""Compaction: a network with zero groups becomes a smaller dense one that computes exactly the same.

Structured Sparsity Learning leaves whole filters, channels and layers at zero, but a zero costs as much as any other
number until it is cut out. Read in this order: `operations.py` (what an operation does to channels), `tracing.py` (the
network as a list of operations), `channels.py` (which channels must stay), `rebuild.py` (cutting), `report.py`.
"""

from effdl_lite.methods.compaction.kept_map import KeptMap
from effdl_lite.methods.compaction.rebuild import compact
from effdl_lite.methods.compaction.report import LayerChannels, dead_channels

__all__ = ["KeptMap", "LayerChannels", "compact", "dead_channels"]
