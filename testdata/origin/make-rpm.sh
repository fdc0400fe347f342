#!/bin/bash
# make-rpm.sh: makes the rpm databases of this folder with rpm's, sqlite's and Berkeley DB's own tools.
#
# Needs rpm and rpmbuild (4.16 or newer, sqlite backend), python3, and db_load (Debian: rpm, db-util); for ndb, which
# Debian's rpm does not write, a C compiler and rpm's own source tree: RPM_SOURCE=<checkout> ./make-rpm.sh
# Run in this folder. Package headers carry build times, so a new run gives other bytes with the same facts.
set -euo pipefail
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SOURCE_DATE_EPOCH=1700000000 HOME=$work

# build NAME EPOCH VERSION LICENSE: FILES of the package on standard input, one path a line, `link -> target` for a link
build() {
  local name=$1 epoch=$2 version=$3 license=$4
  {
    printf 'Name: %s\nVersion: %s\nRelease: 4.el9\nSummary: fixture\nLicense: %s\nVendor: Fixture Project\n' "$name" "$version" "$license"
    [ "$epoch" = - ] || printf 'Epoch: %s\n' "$epoch"
    printf '%%description\nfixture\n%%install\n'
    cat > files
    while read -r path arrow target; do
      printf 'mkdir -p %%{buildroot}%s\n' "$(dirname "$path")"
      if [ -n "$arrow" ]; then printf 'ln -s %s %%{buildroot}%s\n' "$target" "$path"; else printf 'echo %s > %%{buildroot}%s\n' "$name" "$path"; fi
    done < files
    printf '%%files\n'
    cut -d' ' -f1 files
  } > "$name.spec"
  rpmbuild -bb --quiet --target x86_64 --define "_topdir $work/rb" --define '_build_id_links none' \
    --define 'use_source_date_epoch_as_buildtime 1' --define '_buildhost fixture' \
    --define '__os_install_post %{nil}' "$name.spec"
}
printf '%s\n' /usr/lib64/libfixture.so.1.2.3 '/usr/lib64/libfixture.so.1 -> libfixture.so.1.2.3' |
  build fixture-libs 1 1.2.3 'MIT AND BSD-3-Clause'
printf '%s\n' '/usr/lib64/libfixture.so -> libfixture.so.1.2.3' | build fixture-devel 1 1.2.3 MIT
{ echo /lib64/libold.so.0; seq -f '/usr/share/many/file%04g' 1 400; } | build many - 0.9 'LGPLv2+'
rpms=("$work"/rb/RPMS/x86_64/*.rpm)

install() { # ROOT RPM...: a database of its own, scripts and files left out
  local root=$1; shift
  mkdir -p "$root"
  rpm --root "$root" --dbpath /var/lib/rpm --define '_db_backend sqlite' --justdb --nodeps --nosignature --nodigest -i "$@"
}

# sqlite: a closed database; and one whose last package is in the write-ahead log only.
install "$work/sqlite" "${rpms[@]}"
cp sqlite/var/lib/rpm/rpmdb.sqlite .
install "$work/wal" "${rpms[@]:0:2}"
python3 - "$work/wal/var/lib/rpm/rpmdb.sqlite" "$work" "${rpms[2]}" <<'PY'
import shutil, sqlite3, subprocess, sys
database, work, package = sys.argv[1:]
reader = sqlite3.connect(database)
# An open reader keeps rpm from moving the log into the database.
reader.execute("begin"); reader.execute("select count(*) from Packages").fetchone()
subprocess.run(["rpm", "--root", work + "/wal", "--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite",
                "--justdb", "--nodeps", "--nosignature", "--nodigest", "-i", package], check=True)
shutil.copy(database, work + "/wal.sqlite"); shutil.copy(database + "-wal", work + "/wal.sqlite-wal")
PY

# The headers alone, for the two other formats: number, hexadecimal blob.
sqlite3 -separator ' ' rpmdb.sqlite 'select hnum, hex(blob) from Packages order by hnum' > blobs

# Berkeley DB as rpm 4.15 wrote it: a hash of header number to header, 0 to the highest number; both byte orders.
for order in 1234 4321; do
  python3 - blobs $order > dump <<'PY'
import sys
order = "little" if sys.argv[2] == "1234" else "big"
print(f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\ndb_lorder={sys.argv[2]}\nHEADER=END")
rows = [line.split() for line in open(sys.argv[1])]
number = lambda n: int(n).to_bytes(4, order).hex()
print("", number(0)); print("", number(rows[-1][0]))
for n, blob in rows:
    print("", number(n)); print("", blob.lower())
print("DATA=END")
PY
  db_load -f dump "Packages.$order"
  # rpm's own reader agrees (it reads its host's byte order alone).
  if [ $order = 1234 ]; then
    mkdir -p bdb; cp Packages.1234 bdb/Packages
    rpm --dbpath "$work/bdb" --define '_db_backend bdb_ro' -qa 2>/dev/null | grep '^fixture-libs-1.2.3'
  fi
done

# ndb by rpm's own writer (rpmpkg.c), one package deleted so that there is a free slot.
if [ -n "${RPM_SOURCE:-}" ]; then
  mkdir ndb; cp "$RPM_SOURCE"/lib/backend/ndb/rpmpkg.[ch] ndb/; mkdir ndb/rpm
  cat > ndb/system.h <<'C'
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <stdint.h>
#include <errno.h>
static inline void *xmalloc(size_t n) { return malloc(n); }
static inline void *xcalloc(size_t n, size_t s) { return calloc(n, s); }
static inline void *xrealloc(void *p, size_t n) { return realloc(p, n); }
static inline char *xstrdup(const char *s) { return strdup(s); }
#define _(x) x
C
  echo 'typedef enum { RPMRC_OK = 0, RPMRC_NOTFOUND = 1, RPMRC_FAIL = 2 } rpmRC;' > ndb/rpm/rpmtypes.h
  printf '#define RPMLOG_ERR 0\n#define RPMLOG_WARNING 1\n#define rpmlog(...) ((void)0)\n#define rpmlogSetMask(...) 0\n' > ndb/rpm/rpmlog.h
  cat > ndb/main.c <<'C'
#include "system.h"
#include <fcntl.h>
#include "rpmpkg.h"
/* Reads lines `number hex` and puts each blob; the first argument is the database. */
int main(int argc, char **argv) {
    rpmpkgdb db; unsigned n, next; static char hex[1 << 22]; static unsigned char blob[1 << 21];
    if (argc < 2 || rpmpkgOpen(&db, argv[1], O_RDWR | O_CREAT, 0644)) return 1;
    rpmpkgNextPkgIdx(db, &next); memset(blob, 1, 64);
    if (rpmpkgPut(db, 100, blob, 64)) return 2;
    while (scanf("%u %4194303s", &n, hex) == 2) {
        unsigned size = strlen(hex) / 2, i, byte;
        for (i = 0; i < size; i++) { sscanf(hex + 2 * i, "%2x", &byte); blob[i] = byte; }
        if (rpmpkgPut(db, n, blob, size)) return 3;
    }
    if (rpmpkgDel(db, 100)) return 4;
    rpmpkgClose(db);
    return 0;
}
C
  cc -w -Indb -D_GNU_SOURCE -o ndb/put ndb/main.c ndb/rpmpkg.c
  ndb/put Packages.db < blobs
fi

for file in rpmdb.sqlite wal.sqlite wal.sqlite-wal Packages.1234 Packages.4321 ${RPM_SOURCE:+Packages.db}; do
  gzip -9n < "$file" > "$here/$file.gz"
done
