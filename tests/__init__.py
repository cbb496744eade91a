"""The tests; a package, since other packages install one of that name too."""
