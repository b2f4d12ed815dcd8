"""Features of a hierarchy: sums along the paths of trees, and the single features that they are made of."""

from overica.hierarchy.search import HierarchyFit, HierarchySearch
from overica.hierarchy.start import Start
from overica.hierarchy.sums import Sums

__all__ = ["HierarchyFit", "HierarchySearch", "Start", "Sums"]
