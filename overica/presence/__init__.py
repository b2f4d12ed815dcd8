"""Sources whose presences depend on each other: a forest over presences, Gaussian slabs for the codes.

A feature that needs another one, or excludes it, is not independent of it; what this room holds is the model in which
it need not be: who is there follows a forest of pairwise dependences (`Forest`), how strong it is, given that it is
there, a Gaussian of its own (`PresenceModel`).
"""

from overica.presence.bound import Certificate, certify
from overica.presence.em import PresenceLearner
from overica.presence.presence_model import PresenceModel
from overica.presence.sparse_posterior import PresencePosterior
from overica.presence.sums import PresenceSums
from overica.presence.tree import Forest, chow_liu

__all__ = [
    "Certificate",
    "Forest",
    "PresenceLearner",
    "PresenceModel",
    "PresencePosterior",
    "PresenceSums",
    "certify",
    "chow_liu",
]
