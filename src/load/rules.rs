//! Every rule of the loaders, each shown on a universe without files.

use super::graph::{Resolution, RootKind, Via, Why};
use super::synthetic::{BIONIC, GLIBC, Listed, MUSL, edges, graph, graph_with, wheel};
use super::{Outside, Role, Universe};
use crate::arch::Arch;
use crate::platform::Platform;

/// What a policy gives, what is excluded by name, what is excluded by path.
#[derive(Default)]
struct Known(&'static [&'static str], &'static [&'static str], &'static [&'static str]);

impl Outside for Known {
    fn is_system(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    fn is_python(&self, name: &str) -> bool {
        name.starts_with("libpython3")
    }

    fn is_excluded(&self, name: &str) -> bool {
        self.1.contains(&name)
    }

    fn is_excluded_path(&self, path: &str) -> bool {
        self.2.contains(&path)
    }
}

#[track_caller]
fn check(platform: &'static dyn Platform, members: &[(&str, &str)], expected: &[&str]) {
    let binaries = wheel(members);
    assert_eq!(edges(&graph(platform, &Universe::new(&binaries))), expected);
}

#[test]
fn glibc_searches_the_importer_s_rpath_and_that_of_each_ancestor() {
    check(
        GLIBC,
        &[
            ("p/ext.so", "needs:liba.so needs:libroot.so rpath:$ORIGIN/../w.libs exports:PyInit_ext"),
            ("w.libs/liba.so", "needs:libb.so rpath:$ORIGIN/deep"),
            ("w.libs/deep/libb.so", "needs:libroot.so"),
            ("w.libs/libroot.so", ""),
        ],
        &[
            "p/ext.so liba.so -> w.libs/liba.so",
            "p/ext.so libroot.so -> w.libs/libroot.so",
            "w.libs/liba.so libb.so -> w.libs/deep/libb.so",
            "w.libs/deep/libb.so libroot.so -> w.libs/libroot.so",
        ],
    );
}

#[test]
fn glibc_does_not_inherit_rpaths_where_the_importer_has_a_runpath() {
    let members = [
        ("p/ext.so", "needs:liba.so rpath:$ORIGIN/../w.libs exports:PyInit_ext"),
        ("w.libs/liba.so", "needs:libb.so runpath:$ORIGIN/nowhere"),
        ("w.libs/libb.so", ""),
    ];
    check(GLIBC, &members, &["p/ext.so liba.so -> w.libs/liba.so", "w.libs/liba.so libb.so -> missing"]);
    // musl looks through the ancestors' paths whatever the importer has.
    check(MUSL, &members, &["p/ext.so liba.so -> w.libs/liba.so", "w.libs/liba.so libb.so -> w.libs/libb.so"]);
}

#[test]
fn a_runpath_is_the_importer_s_own_on_glibc_and_inherited_on_musl() {
    let members = [
        ("p/ext.so", "needs:liba.so runpath:$ORIGIN/../w.libs exports:PyInit_ext"),
        ("w.libs/liba.so", "needs:libb.so"),
        ("w.libs/libb.so", ""),
    ];
    check(GLIBC, &members, &["p/ext.so liba.so -> w.libs/liba.so", "w.libs/liba.so libb.so -> missing"]);
    check(MUSL, &members, &["p/ext.so liba.so -> w.libs/liba.so", "w.libs/liba.so libb.so -> w.libs/libb.so"]);
}

#[test]
fn an_ancestor_with_a_runpath_gives_no_rpath() {
    check(
        GLIBC,
        &[
            ("p/ext.so", "needs:liba.so rpath:$ORIGIN/x runpath:$ORIGIN/../w.libs exports:PyInit_ext"),
            ("p/x/libb.so", ""),
            ("w.libs/liba.so", "needs:libb.so"),
        ],
        &["p/ext.so liba.so -> w.libs/liba.so", "w.libs/liba.so libb.so -> missing"],
    );
}

#[test]
fn bionic_knows_only_runpaths() {
    let members = [
        ("p/ext.so", "needs:liba.so needs:libb.so rpath:$ORIGIN/r runpath:$ORIGIN/u exports:PyInit_ext"),
        ("p/r/liba.so", ""),
        ("p/u/libb.so", ""),
    ];
    check(BIONIC, &members, &["p/ext.so liba.so -> missing", "p/ext.so libb.so -> p/u/libb.so"]);
}

#[test]
fn glibc_takes_a_loaded_library_by_its_soname() {
    let members = [
        ("p/ext.so", "needs:liba-1.so needs:libuser.so rpath:$ORIGIN exports:PyInit_ext"),
        ("p/liba-1.so", "soname:liba.so"),
        ("p/libuser.so", "needs:liba.so runpath:$ORIGIN/other"),
        ("p/other/liba.so", "soname:liba.so"),
    ];
    let first = ["p/ext.so liba-1.so -> p/liba-1.so", "p/ext.so libuser.so -> p/libuser.so"];
    check(GLIBC, &members, &[&first[..], &["p/libuser.so liba.so -> p/liba-1.so"]].concat());
    // musl never compares with what a library calls itself.
    check(MUSL, &members, &[&first[..], &["p/libuser.so liba.so -> p/other/liba.so"]].concat());
}

#[test]
fn two_libraries_of_one_name_are_kept_apart_between_roots() {
    let binaries = wheel(&[
        ("a/ext.so", "needs:libx.so rpath:$ORIGIN exports:PyInit_ext"),
        ("a/libx.so", "soname:libx.so"),
        ("b/ext.so", "needs:libx.so rpath:$ORIGIN exports:PyInit_ext"),
        ("b/libx.so", "soname:libx.so"),
    ]);
    let graph = graph(GLIBC, &Universe::new(&binaries));
    assert_eq!(edges(&graph), ["a/ext.so libx.so -> a/libx.so", "b/ext.so libx.so -> b/libx.so"]);
    assert_eq!(graph.roots.len(), 2);
}

#[test]
fn one_import_that_differs_between_roots_is_kept_twice() {
    let host = Listed::host(
        &[
            ("/opt/one/libx.so", "soname:libx.so"),
            ("/opt/two/libx.so", "soname:libx.so"),
            ("/opt/lib/libmid.so", "soname:libmid.so needs:libx.so"),
        ],
        &[],
        &["/opt/lib"],
    );
    let binaries = wheel(&[
        ("a.so", "needs:libmid.so rpath:/opt/one exports:PyInit_a"),
        ("b.so", "needs:libmid.so rpath:/opt/two exports:PyInit_b"),
    ]);
    let graph = graph(GLIBC, &Universe::new(&binaries).with_source(host));
    let (middle, _) = graph.external_objects().find(|(_, object)| object.file_name() == "libmid.so").unwrap();
    let found: Vec<_> = graph.edges_of(middle).iter().map(|edge| edge.found.clone().unwrap()).collect();
    assert_eq!(found, ["/opt/one/libx.so", "/opt/two/libx.so"]);
    assert_eq!(graph.external_objects().count(), 3);
}

#[test]
fn a_name_with_a_slash_is_a_path_and_only_glibc_expands_it() {
    let members = [("p/ext.so", "needs:$ORIGIN/../q/mod.so exports:PyInit_ext"), ("q/mod.so", "exports:PyInit_mod")];
    check(GLIBC, &members, &["p/ext.so $ORIGIN/../q/mod.so -> q/mod.so"]);
    check(MUSL, &members, &["p/ext.so $ORIGIN/../q/mod.so -> missing"]);
}

#[test]
fn an_absolute_import_is_found_only_where_a_source_is_a_system() {
    let binaries = wheel(&[("ext.so", "needs:/opt/libx.so exports:PyInit_ext")]);
    let alone = graph(GLIBC, &Universe::new(&binaries));
    assert_eq!(alone.roots[0].edges[0].tried[0].why, Why::NotSearched);
    let host = Listed::host(&[("/opt/libx.so", "")], &[], &[]);
    let found = graph(GLIBC, &Universe::new(&binaries).with_source(host));
    assert_eq!(edges(&found), ["ext.so /opt/libx.so -> /opt/libx.so"]);
}

#[test]
fn the_wheel_comes_before_every_source_and_the_sources_keep_their_order() {
    let binaries = wheel(&[
        ("ext.so", "needs:liba.so needs:libb.so needs:libc.so needs:libd.so rpath:/abs:$ORIGIN exports:PyInit_ext"),
        ("liba.so", ""),
    ]);
    let universe = Universe::new(&binaries)
        .with_source(Listed::folder("/mine", &[("/mine/liba.so", ""), ("/mine/libb.so", "")]))
        .with_source(Listed::sysroot(&[("/abs/libb.so", ""), ("/usr/lib64/libc.so", "")]))
        .with_source(Listed::host(
            &[("/abs/libc.so", ""), ("/env/libd.so", ""), ("/conf/libd.so", "")],
            &["/env"],
            &["/conf"],
        ));
    let graph = graph(GLIBC, &universe);
    assert_eq!(
        edges(&graph),
        [
            "ext.so liba.so -> liba.so",
            "ext.so libb.so -> /mine/libb.so",
            "ext.so libc.so -> /lib64/libc.so",
            "ext.so libd.so -> /env/libd.so",
        ]
    );
}

#[test]
fn ld_library_path_lies_between_rpath_and_runpath_on_glibc_and_before_all_on_musl() {
    let files = [("/r/liba.so", ""), ("/e/liba.so", ""), ("/e/libb.so", ""), ("/u/libb.so", "")];
    for (platform, expected) in [(GLIBC, "/r/liba.so"), (MUSL, "/e/liba.so")] {
        let binaries = wheel(&[
            ("a.so", "needs:liba.so rpath:/r exports:PyInit_a"),
            ("b.so", "needs:libb.so runpath:/u exports:PyInit_b"),
        ]);
        let graph = graph(platform, &Universe::new(&binaries).with_source(Listed::host(&files, &["/e"], &[])));
        assert_eq!(edges(&graph), [format!("a.so liba.so -> {expected}"), "b.so libb.so -> /e/libb.so".to_owned()]);
    }
}

#[test]
fn an_external_library_s_origin_is_its_own_place() {
    let host = Listed::host(
        &[("/usr/lib64/libmid.so", "needs:libpriv.so runpath:$ORIGIN/private"), ("/usr/lib64/private/libpriv.so", "")],
        &[],
        &[],
    );
    let binaries = wheel(&[("ext.so", "needs:libmid.so exports:PyInit_ext")]);
    let graph = graph(GLIBC, &Universe::new(&binaries).with_source(host));
    assert_eq!(
        edges(&graph),
        ["ext.so libmid.so -> /lib64/libmid.so", "/lib64/libmid.so libpriv.so -> /lib64/private/libpriv.so"]
    );
}

#[test]
fn origin_of_a_symbolic_link_is_the_link_s_directory_on_glibc() {
    let files = [
        ("/usr/lib64/libmid.so", "-> /opt/real/libmid.so.1"),
        ("/opt/real/libmid.so.1", "needs:libp.so runpath:$ORIGIN"),
        ("/opt/real/libp.so", ""),
    ];
    let binaries = wheel(&[("ext.so", "needs:libmid.so exports:PyInit_ext")]);
    let graph = graph(GLIBC, &Universe::new(&binaries).with_source(Listed::host(&files, &[], &[])));
    assert_eq!(
        edges(&graph),
        ["ext.so libmid.so -> /opt/real/libmid.so.1", "/opt/real/libmid.so.1 libp.so -> missing"]
    );
}

#[test]
fn two_names_of_one_file_are_one_object() {
    let files = [
        ("/usr/lib64/libz.so.1", "-> /usr/lib64/libz.so.1.2"),
        ("/usr/lib64/libz.so", "-> /usr/lib64/libz.so.1.2"),
        ("/usr/lib64/libz.so.1.2", "soname:other"),
    ];
    let binaries = wheel(&[("ext.so", "needs:libz.so needs:libz.so.1 exports:PyInit_ext")]);
    for platform in [GLIBC, MUSL] {
        let graph = graph(platform, &Universe::new(&binaries).with_source(Listed::host(&files, &[], &["/usr/lib64"])));
        assert_eq!((graph.external_objects().count(), graph.roots[0].scope.len()), (1, 2));
    }
}

#[test]
fn another_machine_s_library_is_passed_over_and_recorded() {
    let members = [
        ("ext.so", "needs:liba.so rpath:$ORIGIN/arm:$ORIGIN/x86 exports:PyInit_ext"),
        ("arm/liba.so", "arch:aarch64"),
        ("x86/liba.so", ""),
    ];
    check(GLIBC, &members, &["ext.so liba.so -> x86/liba.so"]);
    // musl maps the first file there is, and fails.
    check(MUSL, &members, &["ext.so liba.so -> missing"]);
    let binaries = wheel(&members);
    let graph = graph(GLIBC, &Universe::new(&binaries));
    assert_eq!(graph.roots[0].edges[0].tried[0].why, Why::WrongMachine(Arch::Aarch64));
    assert_eq!(graph.foreign.len(), 1);
}

#[test]
fn what_is_no_library_is_passed_over_outside() {
    let files = [
        ("/a/libx.so", "text"),
        ("/b/libx.so", "directory"),
        ("/c/libx.so", "object"),
        ("/d/libx.so", "arch:i686"),
        ("/e/libx.so", ""),
    ];
    let binaries = wheel(&[("ext.so", "needs:libx.so rpath:/a:/b:/c:/d:/e exports:PyInit_ext")]);
    let graph = graph(GLIBC, &Universe::new(&binaries).with_source(Listed::host(&files, &[], &[])));
    let tried = &graph.roots[0].edges[0].tried;
    assert!(matches!(tried[0].why, Why::Unusable(_)) && matches!(tried[2].why, Why::Unusable(_)));
    assert_eq!((&tried[1].why, &tried[3].why), (&Why::NotAFile, &Why::WrongMachine(Arch::X86)));
    assert_eq!(edges(&graph), ["ext.so libx.so -> /e/libx.so"]);
}

#[test]
fn musl_is_its_own_libc_under_many_names() {
    let binaries = wheel(&[(
        "ext.so",
        "needs:libc.so needs:libm.so.6 needs:libc.musl-x86_64.so.1 needs:libm-1a2b.so.6 exports:PyInit_ext",
    )]);
    assert_eq!(
        edges(&graph(MUSL, &Universe::new(&binaries))),
        [
            "ext.so libc.so -> system",
            "ext.so libm.so.6 -> system",
            "ext.so libc.musl-x86_64.so.1 -> system",
            "ext.so libm-1a2b.so.6 -> missing",
        ]
    );
}

#[test]
fn a_policy_library_is_the_system_s_unless_the_wheel_reaches_its_own() {
    let binaries = wheel(&[
        ("a/ext.so", "needs:libstdc++.so.6 rpath:$ORIGIN exports:PyInit_ext"),
        ("a/libstdc++.so.6", "soname:libstdc++.so.6"),
        ("b/ext.so", "needs:libstdc++.so.6 needs:libz.so.1 exports:PyInit_ext"),
    ]);
    let host = Listed::host(&[("/usr/lib64/libstdc++.so.6", ""), ("/usr/lib64/libz.so.1", "")], &[], &[]);
    let known = Known(&["libstdc++.so.6"], &[], &[]);
    let graph = graph_with(GLIBC, &Universe::new(&binaries).with_source(host), &known);
    assert_eq!(
        edges(&graph),
        [
            "a/ext.so libstdc++.so.6 -> a/libstdc++.so.6",
            "b/ext.so libstdc++.so.6 -> system",
            "b/ext.so libz.so.1 -> /lib64/libz.so.1",
        ]
    );
}

#[test]
fn a_system_library_that_is_loaded_already_wins_over_a_later_rpath() {
    let binaries = wheel(&[
        ("ext.so", "needs:libgcc_s.so.1 needs:libmid.so runpath:$ORIGIN exports:PyInit_ext"),
        ("libmid.so", "needs:libgcc_s.so.1 runpath:$ORIGIN/own"),
        ("own/libgcc_s.so.1", "soname:libgcc_s.so.1"),
    ]);
    let graph = graph_with(GLIBC, &Universe::new(&binaries), &Known(&["libgcc_s.so.1"], &[], &[]));
    assert_eq!(graph.roots[0].edges[2].resolution, Resolution::System);
    assert_eq!(graph.roots[0].edges[2].via, Via::Loaded);
}

#[test]
fn an_excluded_library_is_not_followed_unless_reached_otherwise() {
    let files = [
        ("/usr/lib64/libcuda.so.1", "needs:libdrv.so"),
        ("/usr/lib64/libdrv.so", ""),
        ("/usr/lib64/libmid.so", "needs:libdeep.so"),
        ("/usr/lib64/libdeep.so", ""),
        ("/usr/lib64/libother.so", "needs:libdeep.so"),
    ];
    let binaries = wheel(&[("ext.so", "needs:libcuda.so.1 needs:libmid.so needs:libother.so exports:PyInit_ext")]);
    let known = Known(&[], &["libcuda.so.1"], &["/usr/lib64/libmid.so"]);
    let graph = graph_with(GLIBC, &Universe::new(&binaries).with_source(Listed::host(&files, &[], &[])), &known);
    assert_eq!(
        edges(&graph),
        [
            "ext.so libcuda.so.1 -> excluded",
            "ext.so libmid.so -> excluded",
            "ext.so libother.so -> /lib64/libother.so",
            "/lib64/libother.so libdeep.so -> /lib64/libdeep.so",
        ]
    );
}

#[test]
fn libpython_is_never_taken_from_outside() {
    let binaries = wheel(&[("ext.so", "needs:libpython3.13t.so.1.0 exports:PyInit_ext")]);
    let host = Listed::host(&[("/usr/lib64/libpython3.13t.so.1.0", "")], &[], &[]);
    let graph = graph_with(GLIBC, &Universe::new(&binaries).with_source(host), &Known::default());
    assert_eq!(edges(&graph), ["ext.so libpython3.13t.so.1.0 -> python"]);
}

#[test]
fn a_library_elsewhere_in_the_wheel_is_named_where_the_loader_does_not_reach_it() {
    let binaries = wheel(&[
        ("p/ext.so", "needs:libfoo-1a2b.so.1 needs:libdup.so exports:PyInit_ext"),
        ("w.libs/libfoo-1a2b.so.1", ""),
        ("x/libdup.so", ""),
        ("y/libdup.so", ""),
    ]);
    let graph = graph(GLIBC, &Universe::new(&binaries));
    let edges = &graph.roots[0].edges;
    assert_eq!((edges[0].resolution, edges[0].elsewhere), (Resolution::Missing, Some(super::ObjectId(1))));
    assert_eq!((edges[1].resolution, edges[1].elsewhere), (Resolution::Missing, None));
}

#[test]
fn copies_for_newer_processors_are_followed_but_not_in_scope() {
    let binaries = wheel(&[
        ("ext.so", "needs:libk.so needs:libonly.so rpath:$ORIGIN exports:PyInit_ext"),
        ("libk.so", "soname:libk.so"),
        ("glibc-hwcaps/x86-64-v3/libk.so", "soname:libk.so needs:libfast.so"),
        ("glibc-hwcaps/x86-64-v3/libonly.so", ""),
        ("libfast.so", ""),
    ]);
    let graph = graph(GLIBC, &Universe::new(&binaries));
    assert_eq!(
        edges(&graph),
        [
            "ext.so libk.so -> libk.so",
            "ext.so libonly.so -> missing",
            "glibc-hwcaps/x86-64-v3/libk.so libfast.so -> libfast.so"
        ]
    );
    let root = &graph.roots[0];
    assert_eq!(root.scope, [super::ObjectId(0), super::ObjectId(1)]);
    assert_eq!(root.edges[0].variants, [super::ObjectId(2)]);
    assert!(root.edges[1].tried.iter().any(|attempt| matches!(attempt.why, Why::Unusable(_))));
    assert_eq!(graph.chain(super::ObjectId(4)).len(), 3);
}

#[test]
fn roots_are_extensions_programs_and_what_nobody_loads() {
    let mut binaries = wheel(&[
        ("ext.so", "needs:liba.so rpath:$ORIGIN exports:PyInit_ext"),
        ("ext2.so", "needs:ext.so rpath:$ORIGIN exports:initext2"),
        ("helper.so", "needs:liba.so rpath:$ORIGIN exports:initialize"),
        ("liba.so", ""),
        ("loop1.so", "needs:loop2.so rpath:$ORIGIN"),
        ("loop2.so", "needs:loop1.so rpath:$ORIGIN"),
        ("self.so", "needs:self.so rpath:$ORIGIN"),
        ("tool", "program needs:liba.so"),
        ("unreached/libb.so", "needs:libc.so runpath:$ORIGIN/x"),
        ("unreached/libc.so", "needs:libb.so"),
        ("crt1.o", "object"),
        ("share/libdata.so", "needs:liba.so"),
    ]);
    binaries.last_mut().unwrap().role = Role::Data;
    let graph = graph(GLIBC, &Universe::new(&binaries));
    let kinds: Vec<_> = graph.roots.iter().map(|root| (root.object.0, root.kind)).collect();
    assert_eq!(
        kinds,
        [
            (0, RootKind::Extension),
            (1, RootKind::Extension),
            (2, RootKind::Library),
            (4, RootKind::Library),
            (6, RootKind::Library),
            (7, RootKind::Program),
            (8, RootKind::Library),
            (9, RootKind::Library),
        ]
    );
    assert_eq!(graph.data.iter().map(|root| root.object.0).collect::<Vec<_>>(), [11]);
}

#[test]
fn the_scope_is_breadth_first_and_cycles_end() {
    let binaries = wheel(&[
        ("ext.so", "needs:liba.so needs:libb.so rpath:$ORIGIN exports:PyInit_ext"),
        ("liba.so", "needs:libc.so"),
        ("libb.so", "needs:liba.so needs:libd.so"),
        ("libc.so", "needs:libb.so"),
        ("libd.so", ""),
    ]);
    let graph = graph(GLIBC, &Universe::new(&binaries));
    assert_eq!(graph.roots[0].scope.iter().map(|id| id.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(graph.chain(super::ObjectId(3)), ["ext.so", "liba.so", "libc.so"]);
}

#[test]
fn a_wheel_made_to_exhaust_memory_is_refused() {
    let names: Vec<String> = (0..150).map(|number| format!("lib{number}.so")).collect();
    let words = names.iter().map(|name| format!("needs:{name}")).collect::<Vec<_>>().join(" ") + " rpath:$ORIGIN";
    let members: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), words.as_str())).collect();
    let binaries = wheel(&members);
    let target = super::Target { platform: GLIBC, arch: Arch::X86_64 };
    let error =
        super::resolve::resolve_within(&Universe::new(&binaries), target, &Known::default(), 20_000).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
    assert!(super::resolve(&Universe::new(&binaries), target, &Known::default()).is_ok());
}

#[test]
fn libraries_in_other_distributions_are_found_in_the_same_tree() {
    let binaries = wheel(&[("quack/ext.so", "needs:libduck.so rpath:$ORIGIN/../duck/lib exports:PyInit_ext")]);
    let duck = wheel(&[("duck/lib/libduck.so", "soname:libduck.so")]);
    let graph = graph(GLIBC, &Universe::new(&binaries).with_provider("duck", &duck));
    let Resolution::Object(id) = graph.roots[0].edges[0].resolution else { panic!("not found") };
    assert_eq!(graph.object(id).origin, super::Origin::Provider("duck".to_owned()));
    assert_eq!(graph.roots.len(), 1);
}

#[test]
fn search_paths_that_lead_out_of_the_installation_are_said_to() {
    let up = "..".to_owned() + &"/..".repeat(8);
    let words = format!("needs:liba.so rpath:$ORIGIN/{up}/lib:relative: exports:PyInit_ext");
    let binaries = wheel(&[("ext.so", &words)]);
    let graph = graph(GLIBC, &Universe::new(&binaries));
    let bad = graph.roots[0].edges[0].tried.iter().filter(|attempt| matches!(attempt.why, Why::BadPath(_)));
    assert_eq!(bad.count(), 3);
}

#[test]
fn a_lib_path_folder_answers_for_absolute_and_oddly_written_imports() {
    let binaries = wheel(&[("ext.so", "needs:/build/out/libx.so needs:./liby.so exports:PyInit_ext")]);
    let folder = Listed::folder("/mine", &[("/mine/libx.so", ""), ("/mine/liby.so", "")]);
    let graph = graph(GLIBC, &Universe::new(&binaries).with_source(folder));
    assert_eq!(edges(&graph), ["ext.so /build/out/libx.so -> /mine/libx.so", "ext.so ./liby.so -> /mine/liby.so"]);
}

#[test]
fn libraries_are_listed_once_a_name_and_origin() {
    let binaries = wheel(&[
        ("a.so", "needs:libx.so needs:libc.so.6 rpath:$ORIGIN exports:PyInit_a"),
        ("b.so", "needs:libx.so needs:libgone.so rpath:$ORIGIN exports:PyInit_b"),
        ("libx.so", "needs:libc.so.6"),
    ]);
    let graph = graph_with(GLIBC, &Universe::new(&binaries), &Known(&["libc.so.6"], &[], &[]));
    let listed: Vec<_> =
        graph.libraries().iter().map(|library| format!("{} {}", library.name, library.origin.name())).collect();
    assert_eq!(listed, ["libc.so.6 system", "libgone.so missing", "libx.so wheel"]);
    assert_eq!(graph.libraries()[2].importers.len(), 2);
}
