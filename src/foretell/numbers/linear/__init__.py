"""Linear maps fitted by least squares: exact solvers, random sketches of very tall tables, and the analysis of residuals."""
