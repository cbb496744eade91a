"""Linear maps fitted by least squares: exact solvers, random sketches of very tall tables, and what a residual consists of."""
