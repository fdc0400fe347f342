"""Writes what PyPI's upload form compares METADATA with: `policies/pypi/`.

    python -m pip install packaging trove-classifiers
    python policies/pypi.py

`classifiers.tsv`: every classifier, and what replaces a deprecated one. `licences.txt`: every SPDX identifier.
"""

from importlib.metadata import version
from pathlib import Path

import trove_classifiers
from packaging.licenses import _spdx

FOLDER = Path(__file__).parent / "pypi"


def classifiers() -> str:
    deprecated = trove_classifiers.deprecated_classifiers
    lines = [
        "# PyPI's classifiers; a deprecated one is followed by what replaces it, or `-`.",
        f"# Source: trove-classifiers {version('trove-classifiers')} (PyPI, Apache-2.0).",
    ]
    for name in sorted(set(trove_classifiers.classifiers) | set(deprecated)):
        lines.append(f"{name}\t{', '.join(deprecated[name]) or '-'}" if name in deprecated else name)
    return "\n".join(lines) + "\n"


def licences() -> str:
    lines = [
        "# Identifiers of SPDX licences, and of exceptions (behind `with`), in lower case.",
        f"# Source: SPDX licence list {_spdx.VERSION} by way of packaging {version('packaging')} (PyPI).",
    ]
    lines += sorted(_spdx.LICENSES)
    lines += [f"with {name}" for name in sorted(_spdx.EXCEPTIONS)]
    return "\n".join(lines) + "\n"


for file, text in (("classifiers.tsv", classifiers()), ("licences.txt", licences())):
    (FOLDER / file).write_text(text, encoding="utf-8")
