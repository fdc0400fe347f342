//! Every rule, each shown on a wheel of a few words.

use super::synthetic::{TestWheel, wheel};
use super::{Externals, PolicySet, Subject, earned, judge};
use crate::diagnostic::{Code, Severity};

const LINUX: &str = "linux_x86_64";
const OLD: &str = "manylinux_2_17_x86_64";

fn best(wheel: &TestWheel) -> String {
    wheel.tags().first().cloned().unwrap_or_default()
}

#[test]
fn each_symbol_of_each_file_is_named_with_its_chain() {
    let wheel = wheel(
        LINUX,
        &[
            (
                "p/_core.so",
                "needs:liba.so needs:libc.so.6 rpath:$ORIGIN/../p.libs ver:libc.so.6@GLIBC_2.34=pthread_create,dlsym",
            ),
            ("p.libs/liba.so", "needs:libc.so.6 ver:libc.so.6@GLIBC_2.28=statx ver:libc.so.6@GLIBC_2.2.5=free"),
        ],
    );
    assert_eq!(
        wheel.reasons(OLD),
        [
            "TW401 p.libs/liba.so: needs `GLIBC_2.28` of `libc.so.6` (symbol `statx`), newer than `GLIBC_2.17` which \
             `manylinux_2_17_x86_64` allows",
            "TW401 p/_core.so: needs `GLIBC_2.34` of `libc.so.6` (symbols `dlsym`, `pthread_create`), newer than \
             `GLIBC_2.17` which `manylinux_2_17_x86_64` allows",
        ]
    );
    let verdict = wheel.judged(OLD);
    assert_eq!(verdict.symbol_count(), 3);
    assert_eq!(verdict.reasons[0].chain, ["p/_core.so", "p.libs/liba.so"]);
    assert_eq!(verdict.reasons[0].allowed_by.as_deref(), Some("manylinux_2_28_x86_64"));
    assert_eq!(best(&wheel), "manylinux_2_34_x86_64");
}

#[test]
fn why_not_better_is_said_once_for_each_set_of_reasons() {
    let wheel =
        wheel(LINUX, &[("a.so", "needs:libc.so.6 ver:libc.so.6@GLIBC_2.28=statx ver:libc.so.6@GLIBC_2.14=memcpy")]);
    let better: Vec<(String, usize)> =
        wheel.earned().better.iter().map(|verdict| (verdict.tag.clone(), verdict.symbol_count())).collect();
    assert_eq!(better, [("manylinux_2_14_x86_64".to_owned(), 1), ("manylinux_2_5_x86_64".to_owned(), 2)]);
}

#[test]
fn a_library_of_the_wheel_is_judged_by_what_it_defines_and_not_by_the_ceiling() {
    let user = "needs:libstdc++.so.6 rpath:$ORIGIN/../p.libs ver:libstdc++.so.6@GLIBCXX_3.4.99=f";
    let own = "needs:libc.so.6 ver:libc.so.6@GLIBC_2.2.5=free exp:f@GLIBCXX_3.4.99";
    assert!(wheel(LINUX, &[("p/a.so", user), ("p.libs/libstdc++.so.6", own)]).judged(OLD).satisfied());
    let without = "exp:f@GLIBCXX_3.4.98";
    assert_eq!(
        wheel(LINUX, &[("p/a.so", user), ("p.libs/libstdc++.so.6", without)]).reasons(OLD),
        [
            "TW401 p/a.so: needs `GLIBCXX_3.4.99` of `libstdc++.so.6`, which `p.libs/libstdc++.so.6` of the wheel does not define"
        ]
    );
    assert_eq!(wheel(LINUX, &[("p/a.so", user)]).reasons(OLD).len(), 1);
}

#[test]
fn a_node_counts_though_only_weak_symbols_ask_for_it_unless_it_is_weak_itself() {
    let weak_symbols = wheel(LINUX, &[("a.so", "needs:libc.so.6 weaksym:libc.so.6@GLIBC_2.34=x")]);
    assert_eq!(weak_symbols.reasons(OLD).len(), 1);
    let node_alone = wheel(LINUX, &[("a.so", "needs:libc.so.6 ver:libc.so.6@GLIBC_2.36")]);
    assert_eq!(best(&node_alone), "manylinux_2_36_x86_64");
    let weak_node = wheel(LINUX, &[("a.so", "needs:libc.so.6 weakver:libc.so.6@GLIBC_2.34=x")]);
    assert_eq!(best(&weak_node), "manylinux_2_5_x86_64");
}

#[test]
fn a_node_of_no_family_of_the_policy_is_not_allowed() {
    for node in ["GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR", "FOO_1.0", "GLIBCXX_3.4.20", "GLIBC_2.2.5.1x"] {
        let wheel = wheel(LINUX, &[("a.so", &format!("needs:libc.so.6 ver:libc.so.6@{node}=f"))]);
        assert_eq!(wheel.reasons(OLD).len(), 1, "{node}");
    }
    let relr = wheel(LINUX, &[("a.so", "needs:libc.so.6 ver:libc.so.6@GLIBC_ABI_DT_RELR")]);
    assert_eq!(best(&relr), "manylinux_2_36_x86_64");
}

#[test]
fn the_loader_s_own_nodes_count() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so.6 ver:ld-linux-x86-64.so.2@GLIBC_2.35=__rseq_offset")]);
    assert_eq!(best(&wheel), "manylinux_2_35_x86_64");
}

#[test]
fn the_ceilings_are_the_architecture_s_own() {
    let words = "arch:aarch64 needs:libc.so.6 ver:libc.so.6@GLIBC_2.18=f";
    assert_eq!(best(&wheel("linux_aarch64", &[("a.so", words)])), "manylinux_2_17_aarch64");
    let words = "needs:libc.so.6 ver:libc.so.6@GLIBC_2.18=f";
    assert_eq!(best(&wheel(LINUX, &[("a.so", words)])), "manylinux_2_18_x86_64");
}

#[test]
fn an_alias_follows_its_name_and_linux_comes_last() {
    let tags = wheel(LINUX, &[("a.so", "needs:libc.so.6 ver:libc.so.6@GLIBC_2.12=f")]).tags();
    assert_eq!(tags[..3], ["manylinux_2_12_x86_64", "manylinux2010_x86_64", "manylinux_2_13_x86_64"]);
    assert!(tags.windows(2).any(|pair| pair == ["manylinux_2_17_x86_64", "manylinux2014_x86_64"]));
    assert_eq!(tags.last().map(String::as_str), Some(LINUX));
    assert!(!tags.iter().any(|tag| tag.starts_with("musllinux")));
}

#[test]
fn a_library_outside_the_policy_is_refused_by_name() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so.6 needs:libfoo.so.1")]);
    assert_eq!(
        wheel.reasons(OLD),
        ["TW402 a.so: needs `libfoo.so.1`, which is neither in the wheel nor given by `manylinux_2_17_x86_64`"]
    );
    assert_eq!(wheel.tags(), [LINUX]);
    assert_eq!(wheel.earned().better.len(), 1);
}

#[test]
fn a_library_that_came_to_the_list_later_is_allowed_from_there_on() {
    assert_eq!(best(&wheel(LINUX, &[("a.so", "needs:libc.so.6 needs:libmvec.so.1")])), "manylinux_2_24_x86_64");
    assert_eq!(best(&wheel(LINUX, &[("a.so", "needs:libexpat.so.1 needs:libc.so.6")])), "manylinux_2_12_x86_64");
}

#[test]
fn what_a_data_file_misses_is_no_reason_but_its_versions_are() {
    let words = "needs:libfoo.so.1 needs:libc.so.6 ver:libc.so.6@GLIBC_2.34=f";
    let wheel = wheel(LINUX, &[("p-1.data/data/bin/x", words), ("a.so", "needs:libc.so.6")]);
    assert_eq!(wheel.reasons(OLD).len(), 1);
    assert_eq!(best(&wheel), "manylinux_2_34_x86_64");
}

#[test]
fn a_denied_symbol_is_refused_in_vendored_libraries_too() {
    let wheel = wheel(
        LINUX,
        &[
            ("p/a.so", "needs:libd.so needs:libc.so.6 rpath:$ORIGIN/../p.libs und:uncompress2"),
            ("p.libs/libd.so", "needs:libz.so.1 needs:libc.so.6 ver:libz.so.1@ZLIB_1.2.9=uncompress2"),
        ],
    );
    // The extension does not import libz itself: the library that does has the reason.
    let denied = "TW403 p.libs/libd.so: needs `uncompress2` of `libz.so.1`, which not every machine of";
    assert!(wheel.reasons("manylinux_2_28_x86_64")[0].starts_with(denied));
    assert_eq!(best(&wheel), "manylinux_2_34_x86_64");
}

#[test]
fn a_denied_symbol_is_allowed_where_weak_or_provided_by_the_wheel() {
    let weak = "needs:libc.so.6 weaksym:libc.so.6@GLIBC_2.2.5=__cxa_thread_atexit_impl";
    assert!(wheel(LINUX, &[("a.so", weak)]).judged(OLD).satisfied());
    let user = "needs:libz.so.1 needs:libmine.so rpath:$ORIGIN/../p.libs und:inflate_fast";
    let own = wheel(LINUX, &[("p/a.so", user), ("p.libs/libmine.so", "exp:inflate_fast")]);
    assert!(own.judged(OLD).satisfied());
    let lost = wheel(LINUX, &[("p/a.so", user), ("p.libs/libmine.so", "")]);
    assert_eq!(lost.judged(OLD).reasons[0].code, Code::TW403);
}

#[test]
fn a_denied_glibc_symbol_is_allowed_from_its_node_on() {
    let words = "arch:aarch64 needs:libc.so.6 ver:libc.so.6@GLIBC_2.18=__cxa_thread_atexit_impl";
    assert_eq!(best(&wheel("linux_aarch64", &[("a.so", words)])), "manylinux_2_18_aarch64");
}

#[test]
fn a_symbol_without_version_is_judged_by_the_release_that_brought_it() {
    let statx = wheel(LINUX, &[("a.so", "needs:libc.so.6 und:statx")]);
    assert_eq!(
        statx.reasons(OLD),
        [
            "TW404 a.so: needs `statx` of `libc.so.6`, which came with glibc 2.28; `manylinux_2_17_x86_64` allows glibc 2.17"
        ]
    );
    assert_eq!(best(&statx), "manylinux_2_28_x86_64");
    let zlib = wheel(LINUX, &[("a.so", "needs:libc.so.6 needs:libz.so.1 und:crc32_z")]);
    assert_eq!(best(&zlib), "manylinux_2_27_x86_64");
    assert_eq!(best(&wheel(LINUX, &[("a.so", "needs:libc.so.6 und:free und:Py_IncRef")])), "manylinux_2_5_x86_64");
}

#[test]
fn where_there_is_no_data_that_is_said() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so.6 needs:libX11.so.6 und:XOpenDisplay")]);
    assert!(wheel.judged(OLD).satisfied());
    assert_eq!(
        wheel.notes(OLD),
        ["note TW408 a.so: needs `XOpenDisplay`, and there is no list of symbols of `libX11.so.6`"]
    );
}

#[test]
fn where_another_library_may_be_meant_no_release_is_blamed() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so.6 needs:libbsd.so.0 und:strlcpy und:statx")]);
    let codes: Vec<Code> = wheel.judged(OLD).reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [Code::TW402]);
    assert!(wheel.notes(OLD).is_empty());
}

#[test]
fn what_the_wheel_exports_in_scope_needs_no_list() {
    let user = "needs:libmine.so needs:libX11.so.6 rpath:$ORIGIN und:mine";
    let wheel = wheel(LINUX, &[("p/a.so", user), ("p/libmine.so", "needs:libc.so.6 exp:mine")]);
    assert!(wheel.notes(OLD).is_empty(), "{:?}", wheel.notes(OLD));
}

#[test]
fn musl_s_symbols_are_judged_by_release() {
    let musl = "musllinux_1_2_x86_64";
    let old = wheel(musl, &[("a.so", "needs:libc.musl-x86_64.so.1 und:malloc und:open64")]);
    assert_eq!(old.tags(), ["musllinux_1_1_x86_64", musl, LINUX]);
    let new = wheel(musl, &[("a.so", "needs:libc.so und:_Fork")]);
    assert_eq!(new.tags(), [musl, LINUX]);
    assert_eq!(
        new.reasons("musllinux_1_1_x86_64"),
        [
            "TW404 a.so: needs `_Fork` of `libc.so`, which came with musl 1.2.2; `musllinux_1_1_x86_64` allows musl 1.1.24"
        ]
    );
    assert_eq!(new.notes(musl), ["note TW404 a.so: needs `_Fork` of `libc.so`, which came with musl 1.2.2"]);
    let never = wheel(musl, &[("a.so", "needs:libc.so und:__memcpy_chk")]);
    assert_eq!(
        never.reasons(musl),
        ["TW404 a.so: needs `__memcpy_chk`, which `libc.so` of musl 1.2.6 does not have (`musllinux_1_2_x86_64`)"]
    );
    assert_eq!(never.tags(), [LINUX]);
}

#[test]
fn a_library_for_musl_is_none_for_glibc() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so und:malloc")]);
    assert_eq!(wheel.reasons(OLD), ["TW407 a.so: needs `libc.so`, so it is for musl, not for glibc"]);
    assert_eq!(best(&wheel), "musllinux_1_1_x86_64");
    let glibc = self::wheel(LINUX, &[("a.so", "needs:libm.so.6")]);
    assert_eq!(
        glibc.reasons("musllinux_1_2_x86_64"),
        ["TW407 a.so: needs `libm.so.6`, so it is for glibc, not for musl"]
    );
}

#[test]
fn a_wheel_that_mixes_c_libraries_earns_neither() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so"), ("b.so", "needs:libc.so.6")]);
    assert_eq!(wheel.tags(), [LINUX]);
    assert!(wheel.earned().better.iter().any(|verdict| verdict.tag.starts_with("manylinux")));
    assert!(wheel.earned().better.iter().any(|verdict| verdict.tag.starts_with("musllinux")));
}

#[test]
fn without_a_c_library_both_kinds_are_earned_unless_a_name_excludes_one() {
    let tags = wheel(LINUX, &[("a.so", "")]).tags();
    assert_eq!(tags.first().map(String::as_str), Some("manylinux_2_5_x86_64"));
    assert_eq!(tags[tags.len() - 3..], ["musllinux_1_1_x86_64", "musllinux_1_2_x86_64", LINUX]);
    let glibc = wheel(LINUX, &[("a.cpython-313-x86_64-linux-gnu.so", "")]).tags();
    assert!(!glibc.iter().any(|tag| tag.starts_with("musllinux")));
    let musl = wheel(LINUX, &[("a.cpython-313-x86_64-linux-musl.so", "")]).tags();
    assert_eq!(musl, ["musllinux_1_1_x86_64", "musllinux_1_2_x86_64", LINUX]);
}

#[test]
fn a_wheel_without_binaries_earns_any() {
    assert_eq!(wheel(LINUX, &[]).tags(), ["any"]);
}

#[test]
fn an_isa_level_is_refused_but_in_its_hwcaps_directory() {
    assert_eq!(wheel(LINUX, &[("a.so", "isa:3")]).tags(), [LINUX]);
    assert_eq!(best(&wheel(LINUX, &[("a.so", "isa:1")])), "manylinux_2_5_x86_64");
    assert_eq!(best(&wheel(LINUX, &[("p.libs/glibc-hwcaps/x86-64-v3/liba.so", "isa:3")])), "manylinux_2_5_x86_64");
    assert_eq!(wheel(LINUX, &[("p.libs/glibc-hwcaps/x86-64-v2/liba.so", "isa:3")]).tags(), [LINUX]);
    // Vendored libraries count as well.
    let user = "needs:liba.so rpath:$ORIGIN";
    assert_eq!(wheel(LINUX, &[("p/x.so", user), ("p/liba.so", "isa:2")]).tags(), [LINUX]);
}

#[test]
fn a_tolerated_code_is_a_note() {
    let wheel = wheel(LINUX, &[("a.so", "isa:3")]);
    let graph = wheel.graph();
    let subject = Subject::of(&graph, Externals::Absent).tolerating(Code::TW405);
    let found = earned(&PolicySet::embedded(), &subject, &[]);
    assert!(found.has_policy());
    assert_eq!(found.notes[0].code, Code::TW405);
}

#[test]
fn a_binary_for_another_machine_is_refused() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so.6"), ("b.so", "arch:aarch64 needs:libc.so.6")]);
    assert_eq!(wheel.reasons(OLD), ["TW406 b.so: is for aarch64, not for x86_64"]);
    assert_eq!(wheel.tags(), [LINUX]);
    let object = self::wheel(LINUX, &[("a.so", "needs:libc.so.6"), ("b.o", "object arch:aarch64")]);
    assert_eq!(best(&object), "manylinux_2_5_x86_64");
}

#[test]
fn files_of_another_system_are_noted_whatever_they_need() {
    // Installers carry launchers for Windows, of every processor.
    let launchers = [
        ("a.so", "needs:libc.so.6"),
        ("w64.exe", "format:pe needs:python3.dll und:f"),
        ("w32.exe", "format:pe arch:i686"),
    ];
    let wheel = wheel(LINUX, &launchers);
    assert_eq!(wheel.reasons(OLD), Vec::<String>::new());
    let notes = wheel.notes(OLD);
    assert!(notes.contains(&"note TW406 w64.exe: is for Windows (x86_64), not for Linux".to_owned()), "{notes:?}");
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[test]
fn the_machine_is_the_claimed_one_if_a_binary_is_for_it() {
    let members = [("a.so", "arch:aarch64"), ("b.so", "arch:aarch64"), ("c.so", "")];
    assert_eq!(wheel(LINUX, &members).machine().as_deref(), Some("x86_64"));
    assert_eq!(wheel("linux_s390x", &members).machine().as_deref(), Some("aarch64"));
    assert_eq!(wheel("linux_armv7l", &[("a.so", "arch:armv6l softfloat")]).machine().as_deref(), Some("armv6l"));
    // Hard floats say nothing about the processor that a file was compiled for.
    assert_eq!(wheel("linux_armv6l", &[("a.so", "arch:armv7l needs:libc.so.6")]).tags(), ["linux_armv6l"]);
}

#[test]
fn an_executable_stack_is_a_warning_with_the_loader_s_word() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libc.so.6 stack:x")]);
    assert!(wheel.judged(OLD).satisfied());
    let notes = wheel.earned().notes;
    assert_eq!((notes.len(), notes[0].code, notes[0].severity), (1, Code::TW203, Severity::Warning));
    assert!(notes[0].message.starts_with("asks for an executable stack; glibc 2.41 and later"));
    let musl = self::wheel(LINUX, &[("a.so", "needs:libc.so stack:x")]);
    assert!(musl.earned().notes[0].message.ends_with("hardened systems refuse it"));
}

#[test]
fn pythons_that_the_tag_does_not_mean_are_refused() {
    for (words, code) in [
        ("needs:libpython3.11.so.1.0 needs:libc.so.6", Code::TW501),
        ("needs:libpython3.13t.so.1.0", Code::TW501),
        ("needs:libpython3.so", Code::TW501),
        ("und:PyUnicodeUCS2_AsUTF8String", Code::TW503),
        ("und:PyFPE_jbuf", Code::TW504),
    ] {
        let wheel = wheel(LINUX, &[("a.so", words)]);
        assert_eq!(wheel.judged(OLD).reasons.iter().map(|reason| reason.code).collect::<Vec<_>>(), [code], "{words}");
        assert_eq!(wheel.tags(), [LINUX], "{words}");
    }
    let android = wheel("android_24_arm64_v8a", &[("a.so", "arch:aarch64 needs:libc.so needs:libpython3.13.so")]);
    assert_eq!(best(&android), "android_21_arm64_v8a");
}

#[test]
fn an_android_level_follows_from_libraries_and_symbols() {
    let claimed = "android_24_arm64_v8a";
    let tags = |words: &str| best(&wheel(claimed, &[("a.so", &format!("arch:aarch64 needs:libc.so {words}"))]));
    assert_eq!(tags("und:malloc"), "android_21_arm64_v8a");
    assert_eq!(tags("ver:libc.so@LIBC=malloc,getrandom"), "android_28_arm64_v8a");
    assert_eq!(tags("needs:libaaudio.so"), "android_26_arm64_v8a");
    assert_eq!(tags("needs:libc++_shared.so"), "");
    assert_eq!(tags("needs:libssl_python.so und:SSL_new"), "android_21_arm64_v8a");
    assert_eq!(tags("und:no_such_function"), "");
    assert_eq!(tags("gnuhash"), "android_23_arm64_v8a");
}

#[test]
fn bionic_s_own_rules_are_held() {
    let claimed = "android_24_arm64_v8a";
    let refused = |words: &str| {
        let wheel = wheel(claimed, &[("a.so", &format!("arch:aarch64 needs:libc.so {words}"))]);
        wheel.reasons(claimed).first().map(|reason| reason.split(':').next().unwrap_or_default().to_owned())
    };
    assert_eq!(refused("textrel").as_deref(), Some("TW410 a.so"));
    assert_eq!(refused("nosections").as_deref(), Some("TW410 a.so"));
    assert_eq!(refused(""), None);
    let inside = wheel(
        claimed,
        &[
            ("p/a.so", "arch:aarch64 needs:libc.so needs:libx.so runpath:$ORIGIN page:16384"),
            ("p/libx.so", "arch:aarch64 needs:libc.so page:4096"),
        ],
    );
    assert_eq!(best(&inside), claimed);
    assert!(inside.notes(claimed)[0].starts_with("warning TW410 p/libx.so: is laid out for pages of 4096 bytes"));
    // bionic does not read DT_RPATH: the library is not found.
    let rpath = wheel(
        claimed,
        &[("p/a.so", "arch:aarch64 needs:libx.so rpath:$ORIGIN"), ("p/libx.so", "arch:aarch64 needs:libc.so")],
    );
    assert_eq!(rpath.judged(claimed).reasons[0].code, Code::TW402);
}

#[test]
fn nodes_of_libgcc_s_say_nothing_about_the_c_library() {
    // GCC gives `__register_frame_info` of libgcc_s the node `GLIBC_2.0`, on musl too.
    let user = "needs:libgcc_s.so.1 needs:libc.musl-x86_64.so.1 rpath:$ORIGIN ver:libgcc_s.so.1@GLIBC_2.0=f und:malloc";
    let own = "needs:libc.musl-x86_64.so.1 exp:f@GLIBC_2.0";
    let wheel = wheel("musllinux_1_2_x86_64", &[("a.so", user), ("libgcc_s.so.1", own)]);
    assert_eq!(best(&wheel), "musllinux_1_1_x86_64");
    let outside = self::wheel("musllinux_1_2_x86_64", &[("a.so", user)]);
    assert!(!outside.reasons("musllinux_1_2_x86_64").iter().any(|reason| reason.starts_with("TW407")));
    // A copy that another tool vendored has another name and the same nodes.
    let renamed = self::wheel("musllinux_1_2_x86_64", &[("a.so", &user.replace("libgcc_s", "libgcc_s-2d945d6c"))]);
    assert!(!renamed.reasons("musllinux_1_2_x86_64").iter().any(|reason| reason.starts_with("TW407")));
}

#[test]
fn a_binary_for_android_is_none_for_linux() {
    let wheel = wheel(LINUX, &[("a.so", "android:24")]);
    assert_eq!(wheel.tags(), [LINUX]);
    assert_eq!(
        wheel.reasons(OLD),
        ["TW407 a.so: has a note of Android API level 24, so it is for bionic, not for glibc"]
    );
}

#[test]
fn what_a_repair_would_vendor_counts_where_the_policy_does_not_give_it() {
    let wheel = wheel(LINUX, &[("a.so", "needs:libfoo.so.1 needs:libmvec.so.1 needs:libc.so.6")]);
    let host = [
        ("/lib64/libfoo.so.1", "needs:libbar.so.1"),
        ("/lib64/libmvec.so.1", "needs:libc.so.6 needs:libgone.so.1"),
        ("/lib64/libbar.so.1", "needs:libc.so.6"),
    ];
    let graph = wheel.graph_on(&host);
    let set = PolicySet::embedded();
    let reasons = |tag: &str, externals| {
        let (policy, arch) = set.find(&tag.parse().unwrap()).unwrap();
        let reasons = judge(policy, arch, &Subject::of(&graph, externals)).reasons;
        reasons.iter().map(|reason| reason.library().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(reasons("manylinux_2_24_x86_64", Externals::Absent), ["libfoo.so.1"]);
    assert_eq!(reasons("manylinux_2_24_x86_64", Externals::Vendored), Vec::<String>::new());
    // 2_17 does not give libmvec: it would be vendored, and what it needs is missing.
    assert_eq!(reasons(OLD, Externals::Vendored), ["libgone.so.1"]);
}

#[test]
fn an_architecture_without_policy_earns_its_linux_tag_alone() {
    let wheel = wheel("linux_armv6l", &[("a.so", "arch:armv6l needs:libc.so.6")]);
    assert_eq!(wheel.tags(), ["linux_armv6l"]);
    let set = PolicySet::embedded();
    let graph = wheel.graph();
    let policy = set.all().next().unwrap();
    let verdict = judge(policy, crate::Arch::Armv6l, &Subject::of(&graph, Externals::Absent));
    assert_eq!(verdict.reasons[0].code, Code::TW409);
}
