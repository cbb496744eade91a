"""What a stack of regressors is made of: candidates, their cross-validated predictions, weights, and errors as a distribution."""
