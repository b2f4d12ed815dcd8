"""Composed features: one of each of several sets at a time, stored by a toy model."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from overica._validation import check_scalar
from overica.datasets._checks import check_share, check_sizes
from overica.datasets.mixture import Mixture
from overica.datasets.toy_model import ToyModel, make_toy_model


@dataclass(frozen=True)
class ComposedFeatures:
    """The law of the features: which one of each set is present, and how strongly.

    Examples
    --------
    >>> import numpy as np
    >>> law = ComposedFeatures(n_sets=2, set_size=3)
    >>> F = law.sample(np.random.default_rng(0), 100)
    >>> F.shape, (F.reshape(100, 2, 3) > 0).sum(axis=2).max().item()
    ((100, 6), 1)
    """

    n_sets: int = 2
    set_size: int = 2
    correlation: float = 0.0
    """Correlation between the features of the same place in two sets, in [0, 1]."""
    amplitude_correlation: float = 0.0
    """Correlation between the amplitudes of the features of a sample, in [0, 1]."""
    one_hot: float = 0.0
    """Share of the samples in which only one set has a feature present."""
    zipf: float = 0.0
    """Exponent z of the frequencies within a set, those of its places k = 1, 2, ... being ``k^-z``."""
    pair_correlation: float = 0.0
    """Correlation in [0, 1] between the first features of the first two sets alone."""

    def __post_init__(self) -> None:
        check_sizes(n_sets=self.n_sets, set_size=self.set_size)
        check_share(self.correlation, "correlation")
        check_share(self.amplitude_correlation, "amplitude_correlation")
        check_share(self.one_hot, "one_hot")
        check_scalar(self.zipf, "zipf")
        if check_share(self.pair_correlation, "pair_correlation") and self.n_sets < 2:
            raise ValueError(
                f"`pair_correlation` needs n_sets of at least 2, got n_sets={self.n_sets}"
            )

    @property
    def frequencies(self) -> np.ndarray:
        """Probability of each place of a set where a feature of the set is present, (set_size,)."""
        weights = np.arange(1, self.set_size + 1) ** -float(self.zipf)
        return np.asarray(weights / weights.sum())

    def sample(self, rng: np.random.Generator, n_samples: int) -> np.ndarray:
        """Draw features (n_samples, n_sets * set_size), set after set, amplitudes in (0, 1)."""
        shape = (n_samples, self.n_sets)
        places = self._places(rng, shape)
        # All sets in the same place with this probability, else independent: P(x_i, y_i) is
        # c p_i + (1 - c) p_i^2, so that the indicators have the correlation c.
        same = rng.random(n_samples) < self.correlation
        places[same] = places[same, :1]
        if self.pair_correlation:
            # The same for the first place of two sets; the others are drawn from what is left.
            tied = np.flatnonzero(rng.random(n_samples) < self.pair_correlation)
            first = rng.random((len(tied), 1)) < self.frequencies[0]
            places[tied, :2] = np.where(first, 0, self._places(rng, (len(tied), 2), first=1))
        present = np.ones(shape, dtype=bool)
        single = rng.random(n_samples) < self.one_hot
        present[single] = np.arange(self.n_sets) == rng.integers(
            self.n_sets, size=(int(single.sum()), 1)
        )
        F = np.zeros((n_samples, self.n_sets, self.set_size))
        amplitudes = present * self._amplitudes(rng, shape)
        np.put_along_axis(F, places[:, :, None], amplitudes[:, :, None], axis=2)
        return F.reshape(n_samples, -1)

    def _places(
        self, rng: np.random.Generator, shape: tuple[int, int], first: int = 0
    ) -> np.ndarray:
        """Places from `first` on, by their frequencies."""
        if self.zipf == 0:
            return rng.integers(min(first, self.set_size - 1), self.set_size, size=shape)
        rest = self.frequencies[min(first, self.set_size - 1) :]
        return self.set_size - len(rest) + rng.choice(len(rest), size=shape, p=rest / rest.sum())

    def _amplitudes(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        # Uniform numbers Phi(z) of Gaussians with correlation r have 6 / pi arcsin(r / 2).
        r = self.amplitude_correlation
        r = 1.0 if r == 1 else 2 * np.sin(np.pi * r / 6)
        common = rng.standard_normal((shape[0], 1))
        return ndtr(np.sqrt(r) * common + np.sqrt(1 - r) * rng.standard_normal(shape))


def make_composed(
    n_samples: int = 10_000,
    n_features: int = 2,
    *,
    n_sets: int = 2,
    set_size: int = 2,
    correlation: float = 0.0,
    amplitude_correlation: float = 0.0,
    one_hot: float = 0.0,
    zipf: float = 0.0,
    pair_correlation: float = 0.0,
    model: ToyModel | None = None,
    n_steps: int = 2000,
    noise: float = 0.0,
    random_state: int | np.random.Generator | None = None,
) -> Mixture:
    """Hidden activations of a toy model whose inputs are composed of one feature of each set.

    ``h = W f``: the columns of `mixing` are those of W at unit length, `codes` are f times those
    lengths, `features` is f.  The amplitudes of f are uniform in (0, 1).

    What can be found depends on f.  Two sets of two are stored as two axes with opposite ends,
    and the data are

    - `amplitude_correlation` 1: four rays along the diagonals.  Nothing in them points along the
      axes, and four columns along the diagonals need one active code where the axes need two.
      The basis is not identifiable.
    - `amplitude_correlation` 0: a square with its edges along the axes.  Any turned basis
      explains it exactly, as the objection goes, but in the true one alone are the two axes'
      codes independent: it is identifiable.  Yet the diagonals have the smaller L1 norm,
      ``sqrt(2) E max = .94`` against ``E(s + t) = 1`` in units of the largest amplitude, so a
      sparse penalty finds those.
    - `one_hot` well above 1/2: every feature is seen alone, more often than any composition.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    n_features : int
        Hidden dimensions of the toy model.
    n_sets, set_size : int
        Number of sets, and of features in each.
    correlation : float
        Correlation in [0, 1] between features of the same place in different sets.
    amplitude_correlation : float
        Correlation in [0, 1] between the amplitudes of a sample's features.
    one_hot : float
        Share of the samples in which only one set has a feature present.
    zipf : float
        Exponent of the frequencies within a set: place k = 1, 2, ... has one in proportion to
        ``k^-zipf``.
    pair_correlation : float
        Correlation in [0, 1] between the first features of the first two sets alone; at 1 neither
        is ever seen with another feature of those sets.  How often each occurs stays the same.
    model : ToyModel, optional
        Where the features are stored; trained on them if not given (one or two seconds).
    n_steps : int
        Steps of that training.
    noise : float
        Standard deviation of added noise as a share of that of h.
    random_state : None, int or numpy.random.Generator
        Source of every draw.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If an argument is out of its range, or `model` has other sizes.

    References
    ----------
    Anders, Neo, Hoelscher-Obermaier and Howard (2024), "Sparse autoencoders find composed
    features in small toy models", and the comments on it.

    Examples
    --------
    >>> ideal = ToyModel.antipodal(2)
    >>> square = make_composed(model=ideal, random_state=0).describe()
    >>> square.identifiable, square.sparsity_favours_others
    (True, True)
    >>> make_composed(
    ...     model=ideal, amplitude_correlation=1.0, random_state=0
    ... ).describe().identifiable
    False
    """
    check_sizes(n_samples=n_samples, n_features=n_features)
    noise = check_scalar(noise, "noise")
    law = ComposedFeatures(
        n_sets, set_size, correlation, amplitude_correlation, one_hot, zipf, pair_correlation
    )
    rng = np.random.default_rng(random_state)
    if model is None:
        model = make_toy_model(law.sample, n_features, n_steps=n_steps, random_state=rng)
    n = n_sets * set_size
    if model.weights.shape != (n_features, n):
        raise ValueError(
            f"`model` must have weights of shape (n_features={n_features}, {n}), "
            f"got {model.weights.shape}"
        )
    F = law.sample(rng, n_samples)
    lengths = np.linalg.norm(model.weights, axis=0)
    if not lengths.min() > 1e-6 * lengths.max():
        raise ValueError("`model` does not store all features: a column of its weights is zero")
    X = model.hidden(F)
    noise_std = float(noise * X.std())
    sets_are_independent = correlation == amplitude_correlation == one_hot == pair_correlation == 0
    return Mixture(
        X=X + noise_std * rng.standard_normal(X.shape),
        mixing=model.weights / lengths,
        codes=F * lengths,
        noise_variance=noise_std**2,
        nonnegative=True,
        description=(
            f"{n_sets} sets of {set_size} features in {n_features} dimensions, amplitude "
            f"correlation {amplitude_correlation:.3g}, one-hot {one_hot:.3g}"
        ),
        name=_name(law),
        features=F,
        groups=np.repeat(np.arange(n_sets), set_size) if sets_are_independent else None,
        free_magnitudes=amplitude_correlation == 0,
    )


def _name(law: ComposedFeatures) -> str:
    if law.one_hot > 0:
        return "composed_one_hot"
    return "composed_correlated" if law.amplitude_correlation == 1 else "composed"
