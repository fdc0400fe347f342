//! The files of `policies/` that are built into the program; `policies/derive.py` makes them.

/// Declares a table of (path below `policies/`, text).
macro_rules! files {
    ($name:ident, $about:literal, $($path:literal)*) => {
        #[doc = $about]
        pub(super) static $name: &[(&str, &str)] = &[
            $(($path, include_str!(concat!("../../policies/", $path))),)*
        ];
    };
}

files! {
    POLICIES, "Every policy.",
    "android/21.json"
    "android/22.json"
    "android/23.json"
    "android/24.json"
    "android/25.json"
    "android/26.json"
    "android/27.json"
    "android/28.json"
    "android/29.json"
    "android/30.json"
    "android/31.json"
    "android/32.json"
    "android/33.json"
    "android/34.json"
    "android/35.json"
    "manylinux/2_5.json"
    "manylinux/2_6.json"
    "manylinux/2_7.json"
    "manylinux/2_8.json"
    "manylinux/2_9.json"
    "manylinux/2_10.json"
    "manylinux/2_11.json"
    "manylinux/2_12.json"
    "manylinux/2_13.json"
    "manylinux/2_14.json"
    "manylinux/2_15.json"
    "manylinux/2_16.json"
    "manylinux/2_17.json"
    "manylinux/2_18.json"
    "manylinux/2_19.json"
    "manylinux/2_20.json"
    "manylinux/2_21.json"
    "manylinux/2_22.json"
    "manylinux/2_23.json"
    "manylinux/2_24.json"
    "manylinux/2_25.json"
    "manylinux/2_26.json"
    "manylinux/2_27.json"
    "manylinux/2_28.json"
    "manylinux/2_29.json"
    "manylinux/2_30.json"
    "manylinux/2_31.json"
    "manylinux/2_32.json"
    "manylinux/2_33.json"
    "manylinux/2_34.json"
    "manylinux/2_35.json"
    "manylinux/2_36.json"
    "manylinux/2_37.json"
    "manylinux/2_38.json"
    "manylinux/2_39.json"
    "manylinux/2_40.json"
    "manylinux/2_41.json"
    "manylinux/2_42.json"
    "manylinux/2_43.json"
    "manylinux/2_44.json"
    "musllinux/1_1.json"
    "musllinux/1_2.json"
}

files! {
    APPLE, "The rules of Apple's systems, which no tag names a level of.",
    "ios/system.json"
    "macos/system.json"
}

files! {
    SYMBOLS, "Every symbol table, sorted by path.",
    "symbols/android/libEGL.tsv"
    "symbols/android/libGLESv1_CM.tsv"
    "symbols/android/libGLESv2.tsv"
    "symbols/android/libGLESv3.tsv"
    "symbols/android/libOpenMAXAL.tsv"
    "symbols/android/libOpenSLES.tsv"
    "symbols/android/libaaudio.tsv"
    "symbols/android/libamidi.tsv"
    "symbols/android/libandroid.tsv"
    "symbols/android/libbinder_ndk.tsv"
    "symbols/android/libc.tsv"
    "symbols/android/libcamera2ndk.tsv"
    "symbols/android/libdl.tsv"
    "symbols/android/libicu.tsv"
    "symbols/android/libjnigraphics.tsv"
    "symbols/android/liblog.tsv"
    "symbols/android/libm.tsv"
    "symbols/android/libmediandk.tsv"
    "symbols/android/libnativehelper.tsv"
    "symbols/android/libnativewindow.tsv"
    "symbols/android/libneuralnetworks.tsv"
    "symbols/android/libraries.tsv"
    "symbols/android/libstdc++.tsv"
    "symbols/android/libsync.tsv"
    "symbols/android/libvulkan.tsv"
    "symbols/android/libz.tsv"
    "symbols/gcc/libgcc_s.tsv"
    "symbols/gcc/libstdc++.tsv"
    "symbols/gcc/nodes.tsv"
    "symbols/glibc/ld.tsv"
    "symbols/glibc/libBrokenLocale.tsv"
    "symbols/glibc/libanl.tsv"
    "symbols/glibc/libc.tsv"
    "symbols/glibc/libc_malloc_debug.tsv"
    "symbols/glibc/libcrypt.tsv"
    "symbols/glibc/libdl.tsv"
    "symbols/glibc/libm.tsv"
    "symbols/glibc/libmvec.tsv"
    "symbols/glibc/libnsl.tsv"
    "symbols/glibc/libpthread.tsv"
    "symbols/glibc/libresolv.tsv"
    "symbols/glibc/librt.tsv"
    "symbols/glibc/libthread_db.tsv"
    "symbols/glibc/libutil.tsv"
    "symbols/glibc/sonames.tsv"
    "symbols/macos/install_names.tsv"
    "symbols/macos/libSystem.tsv"
    "symbols/macos/libc++.tsv"
    "symbols/macos/libc++abi.tsv"
    "symbols/macos/libobjc.tsv"
    "symbols/musl/lfs64.tsv"
    "symbols/musl/libc.tsv"
    "symbols/windows/api.tsv"
    "symbols/windows/system.tsv"
    "symbols/zlib/libz.tsv"
}

/// Returns the symbol table at a path below `policies/symbols/`, without `.tsv`.
pub(super) fn symbols(path: &str) -> Option<&'static str> {
    let name = |entry: &(&'static str, &'static str)| entry.0["symbols/".len()..].trim_end_matches(".tsv");
    let found = SYMBOLS.binary_search_by(|entry| name(entry).cmp(path)).ok()?;
    SYMBOLS.get(found).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Paths of the files below `policies/folder` with that extension, sorted.
    fn on_disk(folder: &str, extension: &str) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let mut found: Vec<String> = walkdir::WalkDir::new(root.join(folder))
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.path().extension().is_some_and(|found| found == extension))
            .map(|entry| entry.path().strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"))
            .collect();
        found.sort();
        found
    }

    #[test]
    fn every_policy_is_built_in() {
        let mut built_in: Vec<&str> = POLICIES.iter().chain(APPLE).map(|(path, _)| *path).collect();
        built_in.sort_unstable();
        let folders = ["android", "ios", "macos", "manylinux", "musllinux"];
        assert_eq!(built_in, folders.iter().flat_map(|folder| on_disk(folder, "json")).collect::<Vec<_>>());
    }

    #[test]
    fn every_symbol_table_is_built_in() {
        let built_in: Vec<&str> = SYMBOLS.iter().map(|(path, _)| *path).collect();
        assert_eq!(built_in, on_disk("symbols", "tsv"));
        for path in built_in {
            assert!(symbols(&path["symbols/".len()..path.len() - ".tsv".len()]).is_some(), "{path}");
        }
    }
}
