"""A stand-in for the package, where it is not installed."""
