"""Online choosers: one a file, found by discovery (`foretell.numbers.all_choosers()`)."""
