//! The engine under the rules of dyld and Windows, over made facts: data alone carries them.

use super::graph::{Resolution, Via};
use super::synthetic::{Listed, edges, graph, graph_with, wheel};
use super::{Outside, Universe};
use crate::arch::Arch;
use crate::format::Format;
use crate::platform::loader::{Directories, Loader};
use crate::platform::{Libc, Platform, Vendoring, macos, manylinux::Manylinux, windows};
use crate::tag::PlatformTag;

/// A platform whose rules act on made ELF facts.
struct Ruled(&'static dyn Platform);

static MACOS: &dyn Platform = &Ruled(&macos::Macos);
static WIN: &dyn Platform = &Ruled(&windows::Windows);

impl Platform for Ruled {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn owns(&self, _tag: &PlatformTag) -> bool {
        false
    }

    fn format(&self) -> Format {
        Format::Elf
    }

    fn libc(&self) -> Option<Libc> {
        None
    }

    fn loader(&self) -> &'static Loader {
        self.0.loader()
    }

    fn directories(&self, _arch: Arch) -> Directories {
        Directories::default()
    }

    fn vendoring(&self) -> &'static Vendoring {
        Manylinux.vendoring()
    }

    fn arch_name(&self, arch: Arch) -> String {
        arch.linux_name()
    }
}

#[track_caller]
fn check(platform: &'static dyn Platform, members: &[(&str, &str)], expected: &[&str]) {
    let binaries = wheel(members);
    assert_eq!(edges(&graph(platform, &Universe::new(&binaries))), expected);
}

#[test]
fn dyld_s_loader_path_is_the_directory_of_the_importer() {
    check(
        MACOS,
        &[
            ("p/ext.so", "needs:@loader_path/.dylibs/liba.dylib exports:PyInit_ext"),
            ("p/.dylibs/liba.dylib", "needs:@loader_path/libb.dylib"),
            ("p/.dylibs/libb.dylib", ""),
        ],
        &[
            "p/ext.so @loader_path/.dylibs/liba.dylib -> p/.dylibs/liba.dylib",
            "p/.dylibs/liba.dylib @loader_path/libb.dylib -> p/.dylibs/libb.dylib",
        ],
    );
}

#[test]
fn dyld_s_run_paths_are_a_stack_and_each_is_relative_to_who_carries_it() {
    check(
        MACOS,
        &[
            ("p/ext.so", "needs:@rpath/liba.dylib rpath:@loader_path/../lib exports:PyInit_ext"),
            ("lib/liba.dylib", "needs:@rpath/libb.dylib needs:@rpath/sub/libc.dylib rpath:@loader_path/own"),
            ("lib/own/libb.dylib", ""),
            ("lib/sub/libc.dylib", ""),
        ],
        &[
            "p/ext.so @rpath/liba.dylib -> lib/liba.dylib",
            "lib/liba.dylib @rpath/libb.dylib -> lib/own/libb.dylib",
            "lib/liba.dylib @rpath/sub/libc.dylib -> lib/sub/libc.dylib",
        ],
    );
}

#[test]
fn dyld_takes_a_loaded_image_by_its_install_name_before_any_run_path() {
    check(
        MACOS,
        &[
            ("p/ext.so", "needs:@loader_path/libomp.dylib needs:@loader_path/libu.dylib exports:PyInit_ext"),
            ("p/libomp.dylib", "soname:@rpath/libomp.dylib"),
            ("p/libu.dylib", "needs:@rpath/libomp.dylib rpath:@loader_path/mine"),
            ("p/mine/libomp.dylib", "soname:@rpath/libomp.dylib"),
        ],
        &[
            "p/ext.so @loader_path/libomp.dylib -> p/libomp.dylib",
            "p/ext.so @loader_path/libu.dylib -> p/libu.dylib",
            "p/libu.dylib @rpath/libomp.dylib -> p/libomp.dylib",
        ],
    );
}

#[test]
fn dyld_s_system_libraries_are_given_by_path_and_others_found_on_the_host() {
    struct Apple;
    impl Outside for Apple {
        fn is_system(&self, name: &str) -> bool {
            name.starts_with("/usr/lib/")
        }
    }
    let binaries =
        wheel(&[("ext.so", "needs:/usr/lib/libSystem.B.dylib needs:/opt/homebrew/lib/libx.dylib exports:PyInit_ext")]);
    let host = Listed::host(&[("/opt/homebrew/lib/libx.dylib", "")], &[], &[]);
    let graph = graph_with(MACOS, &Universe::new(&binaries).with_source(host), &Apple);
    assert_eq!(
        edges(&graph),
        [
            "ext.so /usr/lib/libSystem.B.dylib -> system",
            "ext.so /opt/homebrew/lib/libx.dylib -> /opt/homebrew/lib/libx.dylib",
        ]
    );
}

#[test]
fn windows_joins_a_name_with_the_root_s_directory_and_the_added_ones_without_case() {
    let binaries = wheel(&[
        ("p/ext.pyd", "needs:A.DLL needs:b.dll needs:api-ms-win-crt-heap-l1-1-0.dll exports:PyInit_ext"),
        ("p/a.dll", "needs:B.dll"),
        ("w.libs/B.dll", ""),
        ("q/b.dll", ""),
    ]);
    let universe = Universe::new(&binaries).with_added_directory("/lib/python3/site-packages/w.libs");
    let graph = graph(WIN, &universe);
    assert_eq!(
        edges(&graph),
        [
            "p/ext.pyd A.DLL -> p/a.dll",
            "p/ext.pyd b.dll -> w.libs/B.dll",
            "p/ext.pyd api-ms-win-crt-heap-l1-1-0.dll -> system",
            "p/a.dll B.dll -> w.libs/B.dll",
        ]
    );
    assert_eq!(graph.roots[0].edges[3].via, Via::Loaded);
}

#[test]
fn windows_has_one_module_for_each_base_name_and_no_directory_of_the_importer() {
    let binaries = wheel(&[
        ("p/ext.pyd", "needs:a.dll needs:deep.dll exports:PyInit_ext"),
        ("p/a.dll", ""),
        ("p/deep.dll", "needs:C:\\build\\A.dll needs:other.dll"),
        ("p/x/other.dll", ""),
    ]);
    let graph = graph(WIN, &Universe::new(&binaries));
    assert_eq!(graph.roots[0].edges[2].resolution, Resolution::Object(super::ObjectId(1)));
    assert_eq!(graph.roots[0].edges[2].via, Via::Loaded);
    assert_eq!(graph.roots[0].edges[3].resolution, Resolution::Missing);
    assert_eq!(graph.roots[0].edges[3].elsewhere, Some(super::ObjectId(3)));
}
