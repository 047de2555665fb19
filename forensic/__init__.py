"""forensic: which hop answered, why, how sure, on which lines, and what is missing."""

__all__ = ["__version__"]

__version__ = "0.1.0"
