"""A package whose extension module needs two libraries that are not in its wheel."""

from demo._greet import hello

__all__ = ["hello"]
