#!/usr/bin/env python3
"""Writes registry.db.gz: the registry of MacPorts with two ports, by the schema of macports-base (src/cregistry/sql.c).

    python3 testdata/origin/make-macports.py
"""

import gzip
import sqlite3
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "registry.db"
    database = sqlite3.connect(path)
    database.create_collation("VERSION", lambda a, b: (a > b) - (a < b))
    database.executescript(
        """
        PRAGMA page_size = 512;
        CREATE TABLE ports (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, portfile TEXT, location TEXT, epoch INTEGER,
            version TEXT COLLATE VERSION, revision INTEGER, variants TEXT, requested_variants TEXT, state TEXT,
            date DATETIME, installtype TEXT, archs TEXT, requested INTEGER, os_platform TEXT, os_major INTEGER,
            cxx_stdlib TEXT, cxx_stdlib_overridden INTEGER, UNIQUE (name, epoch, version, revision, variants));
        CREATE INDEX port_name ON ports(name, epoch, version, revision, variants);
        CREATE TABLE files (id INTEGER, path TEXT, actual_path TEXT, active INTEGER, binary BOOL,
            FOREIGN KEY(id) REFERENCES ports(id));
        CREATE INDEX file_path ON files(path);
        """
    )
    port = "INSERT INTO ports (id, name, epoch, version, revision, variants, state, archs) VALUES (?, ?, 0, ?, ?, '', ?, 'arm64')"
    database.execute(port, (1, "libomp", "17.0.6", 0, "imaged"))
    database.execute(port, (2, "libomp", "19.1.7", 1, "installed"))
    database.execute(port, (3, "zlib", "1.3.1", 0, "installed"))
    for number, name, active in [(1, "libomp/libomp.dylib", 0), (2, "libomp/libomp.dylib", 1), (3, "libz.1.3.1.dylib", 1)]:
        path_of_file = "/opt/local/lib/" + name
        database.execute("INSERT INTO files VALUES (?, ?, ?, ?, 1)", (number, path_of_file, path_of_file, active))
    database.commit()
    database.close()
    (HERE / "registry.db.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
