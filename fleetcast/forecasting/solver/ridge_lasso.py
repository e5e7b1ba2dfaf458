"""One step of the solver: the exact minimum of F with RSS and all priors but that of δ as quadratics.

The free parameters q = (trend scalars, β) have a ridge penalty only, so that they can be eliminated:

    M = G_qq + σ²P,  W = M⁻¹ [G_qδ, b_q - σ²p],  A = G_δδ - G_δq W_δ,  r = b_δ - G_δq W_b

where p and P are the gradient and the curvature of their prior.  What remains is a lasso in δ (`lasso`).
"""

from dataclasses import dataclass

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.solver.lasso import ScaledLasso, scaled_lasso
from fleetcast.forecasting.solver.objective import ParameterIndex, Prior


@dataclass(frozen=True, slots=True)
class Expansion:
    """The quadratic RSS(θ + d) = rss - 2 bᵀd + dᵀG d around a point θ."""

    theta: Vector
    """Shape (P,)."""
    rss: float
    b: Vector
    """Shape (P,)."""
    G: Matrix
    """Shape (P, P), symmetric."""
    n: int
    """N, the number of readings."""


def minimiser(around: Expansion, prior: Prior, *, index: ParameterIndex, tau: float, s2: float) -> Vector:
    """Return the θ, shape (P,), that minimises the quadratic model of F over θ and σ.

    `s2` is the σ² that weighs the ridge; near the solution it is the σ² of the expansion's own point.
    Raises `LinAlgError` if no minimum is found.
    """
    G, free, hinges = around.G, index.free, index.hinges
    at = around.theta[hinges]
    S = at.size
    G_free = G.take(free, axis=0)
    rhs = np.empty((free.size, S + 1))
    rhs[:, :S] = G_free[:, hinges]
    rhs[:, S] = around.b.take(free) - s2 * prior.gradient
    W = np.linalg.solve(G_free.take(free, axis=1) + s2 * prior.curvature, rhs)
    explained = rhs.T @ W
    A = G[hinges, hinges] - explained[:S, :S]
    rss = max(around.rss - float(explained[S, S]), 1e-15 * around.rss)
    delta, _ = scaled_lasso(ScaledLasso(A, around.b[hinges] - explained[:S, S], rss, at, around.n, tau))
    theta = around.theta.copy()
    theta[hinges] = delta
    theta[free] += W[:, S] - W[:, :S] @ (delta - at)
    return theta
