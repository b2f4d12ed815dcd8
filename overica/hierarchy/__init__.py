"""Features of a hierarchy: sums along the paths of trees, and the single features that they are made of."""

from overica.hierarchy.feature_sums import Sums
from overica.hierarchy.search import HierarchyFit, HierarchySearch
from overica.hierarchy.start import Start

__all__ = ["HierarchyFit", "HierarchySearch", "Start", "Sums"]
