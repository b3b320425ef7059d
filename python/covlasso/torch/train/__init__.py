"""Dependencies in training: a differentiable CovLasso, moving moments, and a term of the loss."""

from covlasso.torch.train.differentiable import cov_lasso
from covlasso.torch.train.moving_moments import MovingMoments, NotFiniteError
from covlasso.torch.train.regularizer import DependencyRegularizer

__all__ = ["DependencyRegularizer", "MovingMoments", "NotFiniteError", "cov_lasso"]
