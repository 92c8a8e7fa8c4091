"""Structured Sparsity Learning (SSL): group Lasso, which makes whole filters, channels, shapes or layers zero.

Source: Wen, Wu, Wang, Chen and Li, "Learning Structured Sparsity in Deep Neural Networks" (NIPS 2016), from its poster,
slides and code. Where we differ, the docstring says so.
"""

from effdl_lite.methods.structured_sparsity.groups import GROUPS, blocks, group_lasso, group_norms, group_size
from effdl_lite.methods.structured_sparsity.regularizer import StructuredSparsity, reach, shorten
from effdl_lite.methods.structured_sparsity.zeros import FrozenZeros, trim

__all__ = [
    "GROUPS",
    "FrozenZeros",
    "StructuredSparsity",
    "blocks",
    "group_lasso",
    "group_norms",
    "group_size",
    "reach",
    "shorten",
    "trim",
]
