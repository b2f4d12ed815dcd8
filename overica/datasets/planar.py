"""The toys of the plane: three or four dense sources, or a few archetypes, in two dimensions."""

import numpy as np

from overica._validation import check_scalar
from overica.datasets._checks import check_share, check_sizes
from overica.datasets.mixture import Mixture, assemble


def make_exponential(
    n_samples: int = 10_000,
    n_components: int = 3,
    *,
    jitter: float = 0.5,
    noise: float = 0.01,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Non-negative sources, all active, on a star of rays in the plane.

    ``x = (A s + e) / c`` with ``s_j`` exponential of mean 1 and c making ``std(X) = 1``.  Ray j
    points at ``2 pi (j + jitter u_j) / n`` after a random turn, u_j uniform in [-.5, .5].

    Parameters
    ----------
    n_samples, n_components : int
        Sizes; at least three rays, so that they surround the origin.
    jitter : float
        Irregularity of the angles in [0, 1); 0 is a regular star.
    noise : float
        Standard deviation of the noise as a share of that of the noiseless mixtures.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Lewicki and Sejnowski (2000), "Learning overcomplete representations", Neural Computation 12.

    Examples
    --------
    >>> data = make_exponential(n_components=4, random_state=0)
    >>> data.X.shape, data.nonnegative
    ((10000, 2), True)
    """
    rng = np.random.default_rng(random_state)
    check_sizes(n_samples=n_samples)
    check_scalar(n_components, "n_components", minimum=3, integer=True)
    A = star(rng, n_components, jitter, 2 * np.pi)
    S = rng.exponential(size=(n_samples, n_components))
    return _dense(rng, A, S, noise, "exponential")


def make_laplace(
    n_samples: int = 10_000,
    n_components: int = 3,
    *,
    jitter: float = 0.5,
    noise: float = 0.01,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Signed sources, all active, on a star of lines in the plane.

    As `make_exponential`, with Laplace sources of ``E|s| = 1`` on lines at
    ``pi (j + jitter u_j) / n``.

    Parameters
    ----------
    n_samples, n_components : int
        Sizes; at least two lines.
    jitter : float
        Irregularity of the angles in [0, 1); 0 is a regular star.
    noise : float
        Standard deviation of the noise as a share of that of the noiseless mixtures.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    Lewicki and Sejnowski (2000), "Learning overcomplete representations", Neural Computation 12.

    Examples
    --------
    >>> data = make_laplace(n_components=4, jitter=0.0, random_state=0)
    >>> round(data.describe().max_cosine, 3)
    0.707
    """
    rng = np.random.default_rng(random_state)
    check_sizes(n_samples=n_samples)
    check_scalar(n_components, "n_components", minimum=2, integer=True)
    A = star(rng, n_components, jitter, np.pi)
    S = rng.laplace(size=(n_samples, n_components))
    return _dense(rng, A, S, noise, "laplace")


def make_archetypes(
    n_samples: int = 5000,
    n_components: int = 4,
    *,
    n_combinations: int = 2,
    combined: float = 0.25,
    amplitude_spread: float = 0.3,
    jitter: float = 0.5,
    noise: float = 0.01,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """A few archetypal points of the plane: single columns, and sums of two neighbours.

    Every sample is one archetype times ``exp(amplitude_spread eps)``, eps standard normal, plus
    noise.  The columns are those of `make_exponential`; combination c is ``w a_j + (2 - w)
    a_j+1`` for neighbours on the star, w uniform in [.5, 1.5].

    Parameters
    ----------
    n_samples, n_components : int
        Sizes, at least three columns.
    n_combinations : int
        Number of combinations, at most `n_components`.
    combined : float
        Share of the samples that are combinations, shared equally among them; the columns alone
        share the rest.
    amplitude_spread : float
        0 makes all samples of an archetype equal but for the noise.
    jitter : float
        Irregularity of the angles in [0, 1); 0 is a regular star.
    noise : float
        Standard deviation of the noise as a share of that of the noiseless mixtures.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> data = make_archetypes(random_state=0)
    >>> len(np.unique(data.codes > 0, axis=0))
    6
    """
    rng = np.random.default_rng(random_state)
    check_sizes(n_samples=n_samples)
    check_scalar(n_components, "n_components", minimum=3, integer=True)
    check_scalar(n_combinations, "n_combinations", integer=True)
    if n_combinations > n_components:
        raise ValueError(f"`n_combinations` must be at most {n_components}, got {n_combinations}")
    combined = check_share(combined, "combined") if n_combinations else 0.0
    spread = check_scalar(amplitude_spread, "amplitude_spread")
    A = star(rng, n_components, jitter, 2 * np.pi)
    archetypes = np.zeros((n_components + n_combinations, n_components))
    archetypes[:n_components] = np.eye(n_components)
    owner = rng.permutation(n_components)[:n_combinations]
    weight = rng.uniform(0.5, 1.5, n_combinations)
    rows = n_components + np.arange(n_combinations)
    archetypes[rows, owner], archetypes[rows, (owner + 1) % n_components] = weight, 2 - weight
    shares = np.full(len(archetypes), (1 - combined) / n_components)
    shares[n_components:] = combined / max(n_combinations, 1)
    chosen = rng.choice(len(archetypes), size=n_samples, p=shares)
    S = archetypes[chosen] * np.exp(spread * rng.standard_normal((n_samples, 1)))
    return assemble(
        rng,
        A,
        S,
        check_scalar(noise, "noise"),
        nonnegative=True,
        description=f"{n_components} columns and {n_combinations} combinations in the plane",
        name="archetypes",
    )


def star(rng: np.random.Generator, n_components: int, jitter: float, turn: float) -> np.ndarray:
    """Unit columns (2, n) at angles ``turn (j + jitter u_j) / n``, u_j in [-.5, .5], turned."""
    if not 0 <= check_scalar(jitter, "jitter") < 1:
        raise ValueError(f"`jitter` must be in [0, 1), got {jitter}")
    steps = np.arange(n_components) + jitter * rng.uniform(-0.5, 0.5, n_components)
    angles = turn * steps / n_components + rng.uniform(0, 2 * np.pi)
    return np.stack([np.cos(angles), np.sin(angles)])


def _dense(
    rng: np.random.Generator, A: np.ndarray, S: np.ndarray, noise: float, law: str
) -> Mixture:
    n = A.shape[1]
    return assemble(
        rng,
        A,
        S,
        check_scalar(noise, "noise"),
        nonnegative=law == "exponential",
        description=f"2x{n} {law}, all active, noise {noise:.3g}",
        name=law if n == 3 else f"{law}_2x{n}",
        groups=np.arange(n),
        free_magnitudes=True,
    )
