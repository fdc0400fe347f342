#!/usr/bin/env python3
"""Derives policies/ and testdata/policy/ from a folder of facts; see docs/internals/add-a-policy.md.

    python3 policies/derive.py FACTS            write the files
    python3 policies/derive.py --check FACTS    write nothing; status 1 if a file would change

FACTS holds glibc/, musl/, android/, gcc/, macos/ (tab-separated), abi3_symbols.csv and pep600/cache/ (JSON). Needs Python 3.8 or later
and nothing else. Each function below makes one folder of policies/ and says its rule.
"""

import json
import sys
from pathlib import Path

import apple

ROOT = Path(__file__).resolve().parent.parent

MANYLINUX_SOURCE = (
    "current-policies.json and cached distributions of mayeut/pep600_compliance (MIT); "
    "levels between: the GNU C Library's own version nodes"
)
MANYLINUX_RETRIEVED = "2026-08-04"
MUSL_SOURCE = (
    "symbols of musl's releases (own builds of the repository's tags, Debian packages); "
    "zlib denials and architectures: musllinux-policy.json of auditwheel 6.8.2 (PyPI)"
)
ANDROID_SOURCE = (
    "*.map.txt and Android.bp of the Android Open Source Project; "
    "libraries that Python brings: android-policy.json of auditwheel 6.8.2 (PyPI)"
)
RETRIEVED = "2026-11-25"

# musllinux-policy.json of auditwheel 6.8.2: the architectures of each series, and what not every distribution's
# libz.so.1 exports.
MUSL_SERIES = {
    "1_1": ["aarch64", "armv7l", "i686", "ppc64le", "riscv64", "s390x", "x86_64"],
    "1_2": ["aarch64", "armv7l", "i686", "loongarch64", "ppc64le", "riscv64", "s390x", "x86_64"],
}
MUSL_ZLIB_DENIED = """
    _dist_code _length_code _tr_align _tr_flush_block _tr_init _tr_stored_block _tr_tally bi_windup crc32_vpmsum
    crc_fold_512to32 crc_fold_copy crc_fold_init deflate_copyright deflate_medium fill_window flush_pending gzflags
    inflate_copyright inflate_fast inflate_table longest_match slide_hash_sse static_ltree uncompress2
    x86_check_features x86_cpu_has_pclmul x86_cpu_has_sse2 x86_cpu_has_sse42 z_errmsg zcalloc zcfree
""".split()
# musl's own spelling of the architectures, in its loader's name (musl/releases.tsv).
MUSL_NAMES = {"armv7l": "armhf", "i686": "i386", "ppc64le": "powerpc64le"}
# Names that musl's loader takes for itself (ldso/dynlink.c of 1.1.20 to 1.2.5).
MUSL_PREFIXES = ["libc.", "libdl.", "libm.", "libpthread.", "librt.", "libutil.", "libxnet."]

# android-policy.json of auditwheel 6.8.2.
ANDROID_PYTHON = ["libcrypto_python.so", "libsqlite3_python.so", "libssl_python.so"]
ANDROID_LEVELS = range(21, 36)
ANDROID_TAGS = {"arm": "armeabi_v7a", "arm64": "arm64_v8a", "riscv64": "riscv64", "x86": "x86", "x86_64": "x86_64"}
# What `as_of` means where it names no level: the development branch of early 2025, of 2019, a list that ends.
ANDROID_AS_OF = {"main, 2025-03": 36, "as of 2019": 28, "levels 30 and up missing": 29}
# No symbol of the NDK is older there (android/symbols.tsv).
ANDROID_RISCV64_FIRST = 35

# The releases of windows-dlls/dll_lists/, oldest first, and its folders by architecture.
WINDOWS_RELEASES = ["7sp1", "8", "8.1", "10", "11"]
WINDOWS_LISTS = {
    "x86": ["%s/SysWOW64.txt" % release for release in WINDOWS_RELEASES],
    "x64": ["%s/System32.txt" % release for release in WINDOWS_RELEASES],
    "arm64": [None, None, None, "10-arm64/System32-arm64.txt", "11-arm64/System32-arm64.txt"],
}
# GDI+ lies in the side-by-side store of Windows 7, where the lists did not look; a program finds it by its name.
WINDOWS_ALSO = {"gdiplus.dll": {"x64": "7sp1", "x86": "7sp1"}}
# What win32 metadata calls the releases after Windows Vista; servers count as the desktop release of their kernel.
WINDOWS_NAMES = {
    "windows6.1": "6.1",
    "windows8.0": "6.2",
    "windowsserver2012": "6.2",
    "windows8.1": "6.3",
    "windowsserver2016": "10.0.14393",
}
# Their documentation was written anew for these releases, and names those for functions that are much older.
WINDOWS_REWRITTEN = ["msi.dll", "mswsock.dll", "ws2_32.dll", "wsock32.dll"]


class Files:
    """The files to write, by path relative to the repository."""

    def __init__(self):
        self.texts = {}

    def json(self, path, value):
        self.texts[path] = json.dumps(value, indent=2, sort_keys=True) + "\n"

    def table(self, path, about, header, rows):
        lines = ["# " + line for line in about] + ["\t".join(header)]
        lines += sorted("\t".join(row) for row in rows)
        self.texts[path] = "\n".join(lines) + "\n"


def read_table(path):
    """Returns (comment lines without `# `, rows as dictionaries) of a tab-separated file."""
    about, header, rows = [], None, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            about.append(line[1:].strip())
        elif header is None:
            header = line.split("\t")
        elif line:
            cells = line.split("\t") + [""] * len(header)
            rows.append(dict(zip(header, cells)))
    return about, rows


def number(text):
    """Returns `2.17` as (2, 17), None for what is not a dotted number."""
    parts = text.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else None


def expand(archs, every):
    return list(every) if archs == "*" else archs.split(",")


def glibc_newest(facts):
    """Returns architecture -> the newest minor N of a GLIBC_2.N node in glibc/symbols.tsv."""
    newest = {}
    for row in read_table(facts / "glibc/symbols.tsv")[1]:
        for group in row["versions"].split(";"):
            archs, _, versions = group.partition("=")
            for arch in expand(archs, GLIBC_ARCHES):
                for version in versions.split(","):
                    parts = number(version)
                    if parts:
                        newest[arch] = max(newest.get(arch, 0), parts[1])
    return newest


GLIBC_ARCHES = ["x86_64", "i686", "aarch64", "armv7l", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64"]


def glibc_nodes(facts):
    """Returns symbol -> architecture -> lowest minor of its nodes, in whatever library."""
    nodes = {}
    for row in read_table(facts / "glibc/symbols.tsv")[1]:
        for group in row["versions"].split(";"):
            archs, _, versions = group.partition("=")
            for arch in expand(archs, GLIBC_ARCHES):
                parts = [number(version) for version in versions.split(",")]
                minors = [part[1] for part in parts if part]
                if minors:
                    by_arch = nodes.setdefault(row["symbol"], {})
                    by_arch[arch] = min(minors + [by_arch.get(arch, 10**6)])
    return nodes


def current_policies(facts):
    """Returns minor -> policy of current-policies.json, ascending."""
    policies = json.loads((facts / "pep600/cache/current-policies.json").read_text(encoding="utf-8"))
    levels = {}
    for policy in policies:
        if policy["name"].startswith("manylinux_2_"):
            levels[int(policy["name"].rsplit("_", 1)[1])] = policy
    return dict(sorted(levels.items()))


def families_of(symbol_versions):
    """Returns (ceilings, named nodes) of one architecture of one policy."""
    ceilings, nodes = {}, []
    for family, versions in symbol_versions.items():
        numbered = [version for version in versions if number(version)]
        if numbered:
            ceilings[family] = max(numbered, key=number)
        nodes += [family + "_" + version for version in versions if not number(version)]
    return ceilings, sorted(nodes)


def manylinux(facts, files):
    """manylinux/2_N.json.

    Each architecture begins at its lowest level in current-policies.json and has every 2_N up to the newest glibc
    known for it. current-policies.json wins where it has a level; elsewhere the glibc ceiling is N, the other
    families, libraries and zlib denials are those of the next lower level that is known, nodes without a number
    come with the release that glibc/empty_nodes.tsv gives, and a denied glibc symbol is allowed from its node on.
    """
    known = current_policies(facts)
    by_arch = {}
    for minor, policy in known.items():
        for arch, versions in policy["symbol_versions"].items():
            by_arch.setdefault(arch, {})[minor] = families_of(versions)
    newest = glibc_newest(facts)
    empty = [row for row in read_table(facts / "glibc/empty_nodes.tsv")[1] if "_ABI_" in row["node"]]
    loaders = {}
    for row in read_table(facts / "glibc/libs.tsv")[1]:
        if row["lib"] == "ld":
            for arch in expand(row["archs"], GLIBC_ARCHES):
                loaders[arch] = row["soname"]
    symbol_nodes = glibc_nodes(facts)
    last = max(max(levels) for levels in by_arch.values())
    for minor in range(min(known), last + 1):
        arches = {}
        for arch, levels in by_arch.items():
            if minor < min(levels) or minor > max(max(levels), newest[arch]):
                continue
            if minor in levels:
                ceilings, nodes = levels[minor]
            else:
                ceilings, nodes = levels[max(level for level in levels if level < minor)]
                ceilings = dict(ceilings, GLIBC="2.%d" % minor)
                come = [
                    row["node"]
                    for row in empty
                    if arch in expand(row["archs"], GLIBC_ARCHES) and number(row["since"]) <= (2, minor)
                ]
                nodes = sorted(set(nodes) | set(come))
            arches[arch] = {"ceilings": ceilings, "libraries": [loaders[arch]], "nodes": nodes}
        below = known[max(level for level in known if level <= minor)]
        denied = {}
        for library, symbols in below["blacklist"].items():
            left = symbols
            if minor not in known and library != "libz.so.1":
                left = [s for s in symbols if not allowed(symbol_nodes[s], minor, arches)]
            if left:
                denied[library] = sorted(left)
        files.json(
            "policies/manylinux/2_%d.json" % minor,
            {
                "aliases": below["aliases"] if minor in known else [],
                "arches": arches,
                "denied": denied,
                "libraries": sorted(below["lib_whitelist"]),
                "name": "manylinux_2_%d" % minor,
                "rank": 100 - minor,
                "retrieved": MANYLINUX_RETRIEVED,
                "source": MANYLINUX_SOURCE,
            },
        )
    manylinux_facts(known, empty, newest, files)


def allowed(nodes, minor, arches):
    """Returns true if glibc 2.`minor` has a symbol with these nodes on every architecture that has it at all."""
    return all(nodes[arch] <= minor for arch in arches if arch in nodes)


def manylinux_facts(known, empty, newest, files):
    """testdata/policy/: what the tests compare policies/manylinux/ with, spelled another way than there."""
    source = ["Facts of current-policies.json (mayeut/pep600_compliance, MIT, 2026-08-04), turned round."]
    first = {}
    for minor, policy in known.items():
        for arch, families in policy["symbol_versions"].items():
            for family, versions in families.items():
                for version in versions:
                    first.setdefault((arch, family, version), "2.%d" % minor)
    files.table(
        "testdata/policy/manylinux_nodes.tsv",
        source + ["first: the lowest level whose policy names the node; it is in every later one of the architecture."],
        ["arch", "family", "node", "first"],
        [key + (level,) for key, level in first.items()],
    )
    for minor, policy in known.items():
        for arch, families in policy["symbol_versions"].items():
            for (other, family, version), level in first.items():
                if other == arch and number(level) <= (2, minor) and version not in families[family]:
                    sys.exit("%s lost %s_%s on %s" % (policy["name"], family, version, arch))
    rows = []
    for minor, policy in known.items():
        level = "2.%d" % minor
        rows += [(level, "arch", arch, "") for arch in policy["symbol_versions"]]
        rows += [(level, "alias", alias, "") for alias in policy["aliases"]]
        rows += [(level, "library", library, "") for library in policy["lib_whitelist"]]
        rows += [(level, "denied", lib, symbol) for lib, symbols in policy["blacklist"].items() for symbol in symbols]
    files.table("testdata/policy/manylinux_levels.tsv", source, ["level", "kind", "name", "symbol"], rows)
    rows = [(arch, "newest", "2.%d" % minor) for arch, minor in newest.items()]
    for row in empty:
        rows += [(arch, row["node"], row["since"]) for arch in expand(row["archs"], GLIBC_ARCHES)]
    files.table(
        "testdata/policy/glibc_levels.tsv",
        [
            "Facts of the GNU C Library repository (2026-11-25): `newest`, the newest GLIBC_2.N node of an architecture;",
            "and nodes that no symbol carries, with the release that brought them.",
        ],
        ["arch", "fact", "release"],
        rows,
    )


def musllinux(facts, files):
    """musllinux/1_N.json: the ceiling is the newest release of the minor series."""
    releases = [row["release"] for row in read_table(facts / "musl/releases.tsv")[1]]
    for series, archs in MUSL_SERIES.items():
        prefix = series.replace("_", ".") + "."
        newest = max((r for r in releases if r.startswith(prefix)), key=number)
        arches = {}
        for arch in archs:
            name = MUSL_NAMES.get(arch, arch)
            libraries = ["ld-musl-%s.so.1" % name, "libc.musl-%s.so.1" % name]
            arches[arch] = {"ceilings": {}, "libraries": libraries, "nodes": []}
        files.json(
            "policies/musllinux/%s.json" % series,
            {
                "aliases": [],
                "arches": arches,
                "denied": {"libz.so.1": sorted(MUSL_ZLIB_DENIED)},
                "libraries": ["libc.so", "libz.so.1"],
                "library_prefixes": MUSL_PREFIXES,
                "name": "musllinux_" + series,
                "rank": 100 - int(series.split("_")[1]),
                "release": newest,
                "retrieved": RETRIEVED,
                "source": MUSL_SOURCE,
            },
        )
    files.table(
        "testdata/policy/musl_releases.tsv",
        ["Releases of musl by the tags of its repository (2026-11-25)."],
        ["release", "date"],
        [(row["release"], row["date"]) for row in read_table(facts / "musl/releases.tsv")[1]],
    )
    about, rows = read_table(facts / "musl/libc_symbols.tsv")
    header = ["symbol", "type", "first", "last", "archs"]
    files.table("policies/symbols/musl/libc.tsv", about, header, [[row[h] for h in header] for row in rows])
    about, rows = read_table(facts / "musl/lfs64_aliases.tsv")
    header = ["name", "resolves_to", "first"]
    files.table("policies/symbols/musl/lfs64.tsv", about, header, [[row[h] for h in header] for row in rows])


def android(facts, files):
    """android/LEVEL.json: the NDK's libraries by the level that brought them, and what Python brings."""
    about, libraries = read_table(facts / "android/libs.tsv")
    for level in ANDROID_LEVELS:
        arches = {}
        for tag in ANDROID_TAGS.values():
            if tag != "riscv64" or level >= ANDROID_RISCV64_FIRST:
                arches[tag] = {"ceilings": {}, "libraries": [], "nodes": []}
        given = [row["soname"] for row in libraries if int(row["first_level"]) <= level]
        files.json(
            "policies/android/%d.json" % level,
            {
                "aliases": [],
                "arches": arches,
                "denied": {},
                "libraries": sorted(given + ANDROID_PYTHON),
                "name": "android_%d" % level,
                "rank": 100 - level,
                "release": str(level),
                "retrieved": RETRIEVED,
                "source": ANDROID_SOURCE,
            },
        )
    files.table(
        "policies/symbols/android/libraries.tsv",
        about + ["known_to: up to this level every symbol is held; above, what is not held may exist."],
        ["soname", "first_level", "known_to", "source", "as_of"],
        [
            [row["soname"], row["first_level"], str(android_known_to(row)), row["source"], row["as_of"]]
            for row in libraries
        ],
    )
    about, rows = read_table(facts / "android/symbols.tsv")
    about = [line for line in about if not line.startswith("Source")]
    header = ["symbol", "type", "level", "level_by_arch", "archs", "node", "audience", "note"]
    for library in libraries:
        name = library["library"]
        files.table(
            "policies/symbols/android/%s.tsv" % name,
            ["Source: " + library["source"] + "; " + library["as_of"]] + about,
            header,
            [[row[h] for h in header] for row in rows if row["library"] == name],
        )


def android_known_to(library):
    """Returns the level up to which the symbols of a library are complete, by the text of its `as_of`."""
    text = library["as_of"]
    for found, level in ANDROID_AS_OF.items():
        if text.startswith(found):
            return level
    return int(text.split("as of level ")[1].split()[0])


def glibc_symbols(facts, files):
    """symbols/glibc/LIBRARY.tsv: glibc/symbols.tsv, one file a library."""
    about, rows = read_table(facts / "glibc/symbols.tsv")
    header = ["symbol", "type", "size", "since", "until", "versions"]
    for name in sorted({row["lib"] for row in rows}):
        files.table(
            "policies/symbols/glibc/%s.tsv" % name,
            [line for line in about if not line.startswith("lib:")],
            header,
            [[row[h] for h in header] for row in rows if row["lib"] == name],
        )
    about, rows = read_table(facts / "glibc/libs.tsv")
    header = ["soname", "lib", "since", "until", "archs"]
    files.table("policies/symbols/glibc/sonames.tsv", about, header, [[row[h] for h in header] for row in rows])


def gcc_symbols(facts, files):
    """symbols/gcc/LIBRARY.tsv and nodes.tsv: as the facts have them."""
    header = ["symbol", "version", "type", "hidden", "archs"]
    for source, name in (("libstdcxx", "libstdc++"), ("libgcc_s", "libgcc_s")):
        about, rows = read_table(facts / ("gcc/%s.tsv" % source))
        files.table("policies/symbols/gcc/%s.tsv" % name, about, header, [[row[h] for h in header] for row in rows])
    about, rows = read_table(facts / "gcc/nodes.tsv")
    header = ["library", "node", "gcc", "evidence", "archs", "oldest"]
    files.table("policies/symbols/gcc/nodes.tsv", about, header, [[row[h] for h in header] for row in rows])


def zlib_symbols(facts, files):
    """symbols/zlib/libz.tsv: what the distributions' libz.so.1 export; `everywhere` where all of them do so."""
    nodes, counts, files_read = {}, {}, 0
    for path in sorted((facts / "pep600/cache").glob("*/*.json")):
        exports = json.loads(path.read_text(encoding="utf-8")).get("libz.so.1")
        if exports is None:
            continue
        files_read += 1
        for export in exports:
            symbol, _, node = export.partition("@@")
            nodes.setdefault(symbol, set()).add(node)
            counts[symbol] = counts.get(symbol, 0) + 1
    rows = []
    for symbol, found in nodes.items():
        if len(found) != 1:
            sys.exit("libz.so.1: %s has several nodes" % symbol)
        rows.append((symbol, found.pop(), "everywhere" if counts[symbol] == files_read else "some"))
    files.table(
        "policies/symbols/zlib/libz.tsv",
        [
            "Exports of libz.so.1 in %d distribution-architecture pairs, and the version node of each." % files_read,
            "Source: mayeut/pep600_compliance (MIT), cache/, 2026-08-04.",
            "in: everywhere = in all of them; some = not in all (newer than the oldest, or an internal of one build).",
        ],
        ["symbol", "node", "in"],
        rows,
    )


def windows(facts, files):
    """symbols/windows/system.tsv and api.tsv: what Windows has, and since when."""
    since = {}
    lists = facts / "windows-dlls/dll_lists"
    for arch, paths in WINDOWS_LISTS.items():
        present = [
            set((lists / path).read_text(encoding="utf-8").lower().split()) if path else set() for path in paths
        ]
        for name in present[-1]:
            # The first of the unbroken row of releases that ends with the newest one.
            first = len(present) - 1
            while first > 0 and name in present[first - 1]:
                first -= 1
            since.setdefault(name, {})[arch] = WINDOWS_RELEASES[first]
    for name, archs in WINDOWS_ALSO.items():
        since[name].update(archs)
    archs = ["x86", "x64", "arm64"]
    files.table(
        "policies/symbols/windows/system.tsv",
        [
            "DLLs and drivers with exports in System32 and SysWOW64, in lower case, and the first of Windows %s"
            % ", ".join(WINDOWS_RELEASES),
            "from which on every one has it, by architecture; empty: the newest does not have it.",
            "Source: dll_lists of adang1345/delvewheel (MIT), 2026-05; %s by hand." % ", ".join(sorted(WINDOWS_ALSO)),
            "arm64: only files for arm64 in System32 count, and there are lists of 10 and 11 alone.",
        ],
        ["library"] + archs,
        [[name] + [found.get(arch, "") for arch in archs] for name, found in since.items()],
    )
    rows = []
    for name, release in json.loads((facts / "win32_min_os.json").read_text(encoding="utf-8")).items():
        if release is None:
            continue
        number = WINDOWS_NAMES.get(release)
        if number is None and release.startswith("windows10.0."):
            number = release[len("windows") :]
        if number:
            library, _, function = name.partition("!")
            if library.lower() in WINDOWS_REWRITTEN and not number.startswith("10."):
                continue
            rows.append(["%s!%s" % (library.lower(), function), number])
    files.table(
        "policies/symbols/windows/api.tsv",
        [
            "Functions of Windows' DLLs that need more than Windows Vista, as `library!function`, and the kernel version that",
            "their documentation names: 6.1 is Windows 7, 6.2 is 8, 6.3 is 8.1, 10.0.N a build of 10.",
            "Source: SupportedOSPlatform in Windows.Win32.winmd of the crate windows-bindgen 0.62.1. Incomplete, and where the",
            "documentation forgets older releases too new: it serves advice only. Not those of %s"
            % ", ".join(WINDOWS_REWRITTEN),
            "before 10, which are known to be wrong.",
        ],
        ["function", "since"],
        rows,
    )


def python_stable_abi(facts, files):
    """python/stable_abi.tsv: the symbols of CPython's stable ABI, as `abi3_symbols.csv` has them.

    `added` is the minor version of Python 3 that added the symbol; `only` is the condition under which an interpreter
    exports it at all.
    """
    lines = (facts / "abi3_symbols.csv").read_text(encoding="utf-8").splitlines()
    rows = []
    for line in lines[1:]:
        symbol, kind, added, only, _ = line.split(",")
        major, minor = added.split(".")
        if major != "3" or kind not in ("function", "data"):
            sys.exit("abi3_symbols.csv: %s" % line)
        rows.append((symbol, kind, minor, only))
    files.table(
        "policies/python/stable_abi.tsv",
        [
            "Symbols of CPython's stable ABI (abi3): kind, minor version of Python 3 that added each, condition.",
            "Source: Misc/stable_abi.toml of CPython by way of abi3info 2026.9.25 (PyPI, MIT).",
            "only: what an interpreter must be built for to export the symbol; empty: every one does.",
        ],
        ["symbol", "kind", "added", "only"],
        rows,
    )


def main(arguments):
    check = arguments[:1] == ["--check"]
    if len(arguments) != 1 + check:
        sys.exit(__doc__)
    facts = Path(arguments[-1])
    files = Files()
    for derivation in (manylinux, musllinux, android, glibc_symbols, gcc_symbols, zlib_symbols, windows,
                       python_stable_abi):
        derivation(facts, files)
    for derivation in (apple.macos, apple.ios):
        derivation(facts, files, read_table)
    stale = [p for p, text in files.texts.items() if not (ROOT / p).is_file() or (ROOT / p).read_text("utf-8") != text]
    folders = ("android", "ios", "macos", "manylinux", "musllinux", "python", "symbols")
    derived = ["policies/" + folder for folder in folders]
    on_disk = [p.relative_to(ROOT).as_posix() for d in derived for p in (ROOT / d).rglob("*") if p.is_file()]
    surplus = [path for path in on_disk if path not in files.texts]
    if check:
        for path in sorted(stale + surplus):
            print(path)
        return 1 if stale or surplus else 0
    for path in stale:
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(files.texts[path], encoding="utf-8", newline="\n")
    for path in surplus:
        (ROOT / path).unlink()
    print("%d files, %d changed, %d removed" % (len(files.texts), len(stale), len(surplus)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
