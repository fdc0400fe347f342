"""Derives policies/macos/ and policies/ios/, and symbols/macos/; `derive.py` runs it.

A `macosx_*` or `ios_*` tag states a version of the system and an architecture, nothing else. So there is one policy for
each system: what it gives by path, the lowest version of each architecture, what its loader (dyld) refuses and from
which SDK on, and what is only advice: names that other packages share, and the libc++ that a version brings.
"""

RETRIEVED = "2026-11-25"
SOURCE = (
    "dyld-1378 (mach_o/UnsafeHeader.cpp, Image.cpp, Policy.cpp; dyld/Loader.cpp), cctools-1035, "
    "packaging.tags (mac_platforms, ios_platforms), PEP 730; libc++: its availability header as PyPI ziglang carries it"
)

# Load commands name these by path; most are not files at all but parts of the dyld cache.
SYSTEM = ["/System/", "/usr/lib/"]
# The data volume: a file there is the user's.
NOT_SYSTEM = ["/System/Volumes/Data/"]

# dyld-1378 Policy.cpp: what is fatal for a binary built with this SDK or a later one, by the macOS release of dyld; the
# oldest SDK of them all is where a loader that people have refuses it. `always`: whatever the SDK.
# (releases of dyld to macOS: 1245 is 15.3, 1284 to 1286 are 15.4 to 15.6, 1323 is 26.0)
DYLD = [
    ("bad-command", []),
    ("commands-outside-text", []),
    ("duplicate-import", [("15.0", "15.0"), ("26.0", "26.0")]),
    ("duplicate-rpath", [("15.0", "15.0"), ("15.4", "15.4"), ("26.0", "26.0")]),
    ("duplicate-segment", [("26.0", "26.0")]),
    ("identity", []),
    ("linkedit-misaligned", [("10.14", "10.14")]),
    ("linkedit-outside", []),
    ("linkedit-overlap", []),
    ("linkedit-protection", [("10.11", "10.11")]),
    ("missing-uuid", [("12.0", "12.0")]),
    # The source names 12.0 for older loaders; wheels built with SDK 14.2 are loaded by them all the same.
    ("no-import", [("15.4", "15.4")]),
    ("section-outside", [("11.0", "11.0")]),
    ("segment-order", [("10.15", "10.15")]),
    ("segment-overlap", []),
    ("segment-size", []),
    ("signature-misaligned", [("10.15", "10.15")]),
    ("text-protection", [("10.15", "10.15")]),
]

# One library for the whole process: an image with such an id serves everyone who asks for it by that name, because dyld
# compares install names of loaded images before it follows a run path (dyld/Loader.cpp, JustInTimeLoader.cpp).
GENERIC = """
    libblas.3 libblosc2 libc++.1 libc++abi.1 libcblas.3 libcrypto.1.1 libcrypto.3 libffi.7 libffi.8 libfreetype.6
    libgcc_s.1 libgcc_s.1.1 libgfortran.3 libgfortran.4 libgfortran.5 libgomp.1 libhdf5 libiomp5 libjpeg.62 libjpeg.8
    libjpeg.9 liblapack.3 libllvmlite libmkl_core libmkl_rt libomp libopenblas libopenblas.0 libopenblas64_ libpng16.16
    libprotobuf libquadmath.0 libsqlite3.0 libssl.1.1 libssl.3 libstdc++.6 libtbb libtbb.12 libtbbmalloc libtiff.5
    libtiff.6 libunwind.1 libxml2.16 libxml2.2 libz.1 libzstd.1
""".split()

# Which libc++ symbols an LLVM release (or a feature that has its own mark) brought; the release of macOS that has it is
# libcxx_levels.tsv's. Mangled names are those of libc++'s ABI version 1; `*` is anything.
LIBCXX = {
    "LLVM 20": [],
    "LLVM 19": ["__ZNKSt3__16chrono*tzdb*", "__ZNSt3__16chrono*tzdb*", "__ZNKSt3__16chrono9time_zone*"],
    "LLVM 18": [
        "___cxa_init_primary_exception",
        "__ZNSt3__119__is_posix_terminalEP7__sFILE",
        "__ZNSt3__118__get_ostream_fileERNS_13basic_ostreamIcNS_11char_traitsIcEEEE",
    ],
    "LLVM 16": ["__ZNSt3__13pmr*", "__ZNKSt3__13pmr*", "__ZTINSt3__13pmr*", "__ZTVNSt3__13pmr*", "__ZTSNSt3__13pmr*"],
    "LLVM 15": ["__ZNSt3__122__libcpp_verbose_abortEPKcz"],
    "LLVM 14": [
        "__ZNSt3__18to_charsEPcS0_d*",
        "__ZNSt3__18to_charsEPcS0_e*",
        "__ZNSt3__18to_charsEPcS0_f*",
    ],
    "LLVM 11": [
        "__ZNSt3__120__libcpp_atomic_wait*",
        "__ZNSt3__123__cxx_atomic_notify_*",
        "__ZNSt3__123__libcpp_atomic_monitor*",
        "__ZNSt3__131__arrive_barrier_algorithm_base*",
        "__ZNSt3__132__destroy_barrier_algorithm_base*",
        "__ZNSt3__134__construct_barrier_algorithm_base*",
    ],
    "LLVM 9": ["__ZNSt3__14__fs10filesystem*", "__ZNKSt3__14__fs10filesystem*"],
    "bad_optional_access bad_variant_access bad_any_cast": [
        "__ZNKSt12bad_any_cast4whatEv",
        "__ZNKSt18bad_variant_access4whatEv",
        "__ZNKSt19bad_optional_access4whatEv",
        "__ZTISt12bad_any_cast",
        "__ZTISt18bad_variant_access",
        "__ZTISt19bad_optional_access",
        "__ZTVSt12bad_any_cast",
        "__ZTVSt18bad_variant_access",
        "__ZTVSt19bad_optional_access",
    ],
    "shared_mutex, uncaught_exceptions, sized new/delete": [
        "__ZNSt3__112shared_mutex*",
        "__ZNSt3__118shared_timed_mutex*",
        "__ZNSt3__119__shared_mutex_base*",
        "__ZSt19uncaught_exceptionsv",
        "__ZdaPvm",
        "__ZdlPvm",
    ],
}

# dyld's epochs by year: the iOS of the same SDK (Policy.cpp counts both from one list).
IOS_EPOCHS = {
    "10.11": "9.0",
    "10.14": "12.0",
    "10.15": "13.0",
    "11.0": "14.0",
    "12.0": "15.0",
    "15.0": "18.0",
    "15.4": "18.4",
    "26.0": "26.0",
}


def dyld_rules(epochs):
    rules = []
    for rule, thresholds in DYLD:
        since = [{"sdk": epochs[sdk], "system": epochs[system]} for system, sdk in thresholds]
        rules.append({"rule": rule, "since": since})
    return rules


def libcxx_features(rows):
    """Returns the features that have symbols, oldest first, with the first macOS of libcxx_levels.tsv."""
    first = {row["what"]: row for row in rows}
    features = []
    for what, symbols in LIBCXX.items():
        row = first[what]
        if symbols:
            features.append(
                {"first": row["first_macos"], "source": row["source"], "symbols": sorted(symbols), "what": what}
            )
    return sorted(features, key=lambda feature: [int(part) for part in feature["first"].split(".")])


def macos(facts, files, read_table):
    """macos/system.json, and the symbols of what macOS gives."""
    rows = read_table(facts / "macos/libcxx_levels.tsv")[1]
    files.json(
        "policies/macos/system.json",
        {
            "archs": [
                {"arch": "arm64", "floor": "11.0", "sdk": "macosx", "signed": True},
                {"arch": "i386", "floor": "10.4", "sdk": "macosx", "signed": False},
                {"arch": "ppc", "floor": "10.0", "sdk": "macosx", "signed": False},
                {"arch": "ppc64", "floor": "10.4", "sdk": "macosx", "signed": False},
                {"arch": "x86_64", "floor": "10.4", "sdk": "macosx", "signed": False},
            ],
            "dyld": dyld_rules({sdk: sdk for sdk in IOS_EPOCHS}),
            "generic_names": sorted("@rpath/%s.dylib" % name for name in GENERIC),
            "header_room": 64,
            "libcxx": libcxx_features(rows),
            "minor_is_zero_from": 11,
            "name": "macos",
            "not_system": NOT_SYSTEM,
            "platforms": [{"number": 1, "sdk": "macosx"}],
            "python": ["*/Python.framework/*", "*/Python3.framework/*", "*/PythonT.framework/*"],
            "retrieved": RETRIEVED,
            "source": SOURCE,
            "system": SYSTEM,
        },
    )
    about, symbols = read_table(facts / "macos/libsystem.tsv")
    header = ["symbol", "kind", "lib", "first", "evidence", "last", "archs", "gaps"]
    files.table("policies/symbols/macos/libSystem.tsv", about, header, [[r[h] for h in header] for r in symbols])
    about, symbols = read_table(facts / "macos/libcxx_libobjc.tsv")
    header = ["symbol", "kind", "first", "archs", "hidden_for"]
    for library, name in (("libc++.1.dylib", "libc++"), ("libc++abi.dylib", "libc++abi"), ("libobjc.A.dylib", "libobjc")):
        table = [[row[h] for h in header] for row in symbols if row["lib"] == library]
        files.table("policies/symbols/macos/%s.tsv" % name, about, header, table)
    # What the tests compare libcxx with, spelled another way than there.
    about, levels = read_table(facts / "macos/libcxx_levels.tsv")
    header = ["what", "first_macos"]
    files.table("testdata/policy/macos_libcxx.tsv", about, header, [[row[h] for h in header] for row in levels])
    about, names = read_table(facts / "macos/install_names.tsv")
    header = ["install_name", "first", "evidence", "last", "archs", "sub", "earlier"]
    table = [[row[h] for h in header] for row in names if "(name as" not in row["install_name"]]
    files.table("policies/symbols/macos/install_names.tsv", about, header, table)


def ios(facts, files, read_table):
    """ios/system.json."""
    del facts, read_table
    files.json(
        "policies/ios/system.json",
        {
            "archs": [
                {"arch": "arm64", "floor": "12.0", "sdk": "iphoneos", "signed": False},
                {"arch": "arm64", "floor": "14.0", "sdk": "iphonesimulator", "signed": False},
                {"arch": "x86_64", "floor": "12.0", "sdk": "iphonesimulator", "signed": False},
            ],
            "dyld": dyld_rules(IOS_EPOCHS),
            "generic_names": [],
            "header_room": 0,
            "libcxx": [],
            "minor_is_zero_from": 0,
            "name": "ios",
            "not_system": NOT_SYSTEM,
            "platforms": [{"number": 2, "sdk": "iphoneos"}, {"number": 7, "sdk": "iphonesimulator"}],
            "python": ["@rpath/Python.framework/Python"],
            "retrieved": RETRIEVED,
            "source": SOURCE,
            "system": SYSTEM,
        },
    )
