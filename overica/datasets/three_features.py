"""Two frequent features that often occur together, and a third that is rare."""

import numpy as np

from overica._validation import check_scalar
from overica.datasets._checks import check_probability, check_share, check_sizes
from overica.datasets.drawn_directions import directions_with_cosines
from overica.datasets.mixture import Mixture, assemble


def make_three_features(
    n_samples: int = 20_000,
    n_features: int = 3,
    *,
    frequencies: tuple[float, float, float] = (0.4, 0.4, 0.05),
    together: float = 0.25,
    proportion_spread: float = 0.1,
    cosines: tuple[float, float, float] = (0.0, 0.0, 0.0),
    noise: float = 0.01,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """The smallest case in which a combination competes with a true feature for a column.

    Features 1 and 2 are active with their frequencies, and both in a share `together` of the
    samples, then in nearly fixed proportions: ``s_2 = s_1 exp(spread eps)``, eps standard normal.
    Feature 3 is active independently.  Magnitudes are otherwise independent and uniform in
    [.5, 1.5].  A dictionary of three columns that are 1, 2 and their sum is sparser, and misses
    feature 3.

    Parameters
    ----------
    n_samples, n_features : int
        Sizes.
    frequencies : (float, float, float)
        Probability that each feature is active, in (0, 1].
    together : float
        Probability that 1 and 2 both are, between ``max(0, p_1 + p_2 - 1)`` and
        ``min(p_1, p_2)``; their product would be independence.
    proportion_spread : float
        Standard deviation of the logarithm of ``s_2 / s_1`` when both are active; 0 makes their
        sum a ray of the data.
    cosines : (float, float, float)
        Of the angles between the columns 1 and 2, 1 and 3, 2 and 3.
    noise : float
        Standard deviation of the noise as a share of that of the noiseless mixtures.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture
        Scaled so that ``std(X) = 1``.

    Raises
    ------
    ValueError
        If an argument is out of its range, or no vectors have these cosines.

    References
    ----------
    Till (2024), "Do sparse autoencoders find 'true features'?".

    Examples
    --------
    >>> data = make_three_features(cosines=(0.3, 0.0, 0.0), random_state=0)
    >>> round(float(data.mixing[:, 0] @ data.mixing[:, 1]), 6)
    0.3
    """
    check_sizes(n_samples=n_samples, n_features=n_features)
    p = np.array([check_probability(f, "frequencies") for f in frequencies])
    together = check_share(together, "together")
    least, most = max(0.0, p[0] + p[1] - 1), min(p[0], p[1])
    if not least - 1e-12 <= together <= most + 1e-12:
        raise ValueError(
            f"`together` must be in [{least:.3g}, {most:.3g}] for these frequencies, got {together}"
        )
    spread = check_scalar(proportion_spread, "proportion_spread")
    noise = check_scalar(noise, "noise")
    G = np.eye(3)
    G[[0, 0, 1], [1, 2, 2]] = cosines
    rng = np.random.default_rng(random_state)

    A = directions_with_cosines(
        rng, n_features, np.maximum(G, G.T) + np.minimum(G, G.T) - np.eye(3)
    )
    # One uniform number decides: the first is on in [0, p_1), the second in an interval of
    # length p_2 that overlaps it by `together`.
    u = rng.random(n_samples)
    start = p[0] - together
    active = np.stack(
        [u < p[0], (u >= start) & (u < start + p[1]), rng.random(n_samples) < p[2]], axis=1
    )
    S = rng.uniform(0.5, 1.5, (n_samples, 3)) * active
    both = active[:, 0] & active[:, 1]
    S[both, 1] = S[both, 0] * np.exp(spread * rng.standard_normal(int(both.sum())))
    return assemble(
        rng,
        A,
        S,
        noise,
        nonnegative=True,
        description=f"two features, together in {together:.3g}, and one in {p[2]:.3g} of the samples",
        name="three_features",
    )
