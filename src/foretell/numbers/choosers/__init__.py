"""Online choosers with scikit-learn's face: one a file. The methods themselves are in `foretell.decoding.choosers`."""
