"""Mixtures of rooms: delays and reverberation, so that every frequency has a mixing of its own.

Clusters of each frequency (`spatial_clusters`), brought into one order (`source_order`), begin the local Gaussian model
with a full spatial covariance of every source at every frequency (`full_rank`), of which `convolutive` is the method.
"""
