//! The integration tests, one binary: a module for each capability.

#[path = "suite/apple.rs"]
mod apple;
#[path = "suite/apple_cli.rs"]
mod apple_cli;
#[path = "suite/check_fix.rs"]
mod check_fix;
#[path = "suite/check_lints.rs"]
mod check_lints;
#[path = "suite/check_rules.rs"]
mod check_rules;
#[path = "suite/check_windows.rs"]
mod check_windows;
#[path = "suite/cli.rs"]
mod cli;
#[path = "suite/cli_repair.rs"]
mod cli_repair;
#[path = "suite/delvewheel_flags.rs"]
mod delvewheel_flags;
#[path = "suite/diagnostics.rs"]
mod diagnostics;
#[path = "suite/elf_edit.rs"]
mod elf_edit;
#[path = "suite/elf_edit_corpus.rs"]
mod elf_edit_corpus;
#[path = "suite/elf_edit_hostile.rs"]
mod elf_edit_hostile;
#[path = "suite/elf_edit_odd.rs"]
mod elf_edit_odd;
#[path = "suite/elf_edit_run.rs"]
mod elf_edit_run;
#[path = "suite/elf_facts.rs"]
mod elf_facts;
#[path = "suite/elf_hostile.rs"]
mod elf_hostile;
#[cfg(unix)]
#[path = "suite/elf_loads.rs"]
mod elf_loads;
#[path = "suite/elf_symbols.rs"]
mod elf_symbols;
#[cfg(unix)]
#[path = "suite/empty_root.rs"]
mod empty_root;
#[path = "suite/formats.rs"]
mod formats;
#[cfg(unix)]
#[path = "suite/guides.rs"]
mod guides;
#[path = "suite/licences.rs"]
mod licences;
#[path = "suite/load.rs"]
mod load;
#[path = "suite/macho_edit.rs"]
mod macho_edit;
#[path = "suite/macho_edit_corpus.rs"]
mod macho_edit_corpus;
#[path = "suite/macho_facts.rs"]
mod macho_facts;
#[path = "suite/macho_hostile.rs"]
mod macho_hostile;
#[path = "suite/macho_room.rs"]
mod macho_room;
#[path = "suite/macho_sign.rs"]
mod macho_sign;
#[path = "suite/merge.rs"]
mod merge;
#[path = "suite/origin.rs"]
mod origin;
#[path = "suite/origin_macports.rs"]
mod origin_macports;
#[path = "suite/pe_cli.rs"]
mod pe_cli;
#[path = "suite/pe_edit.rs"]
mod pe_edit;
#[path = "suite/pe_edit_corpus.rs"]
mod pe_edit_corpus;
#[path = "suite/pe_edit_hostile.rs"]
mod pe_edit_hostile;
#[path = "suite/pe_facts.rs"]
mod pe_facts;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "suite/pe_run.rs"]
mod pe_run;
#[path = "suite/piping.rs"]
mod piping;
#[path = "suite/policy.rs"]
mod policy;
#[path = "suite/policy_apple.rs"]
mod policy_apple;
#[path = "suite/policy_windows.rs"]
mod policy_windows;
#[path = "suite/pypi_archives.rs"]
mod pypi_archives;
#[path = "suite/read_in_part.rs"]
mod read_in_part;
#[path = "suite/reference.rs"]
mod reference;
#[path = "suite/repair_batch.rs"]
mod repair_batch;
#[cfg(unix)]
#[path = "suite/repair_e2e.rs"]
mod repair_e2e;
#[cfg(unix)]
#[path = "suite/repair_failures.rs"]
mod repair_failures;
#[cfg(unix)]
#[path = "suite/repair_loads.rs"]
mod repair_loads;
#[cfg(unix)]
#[path = "suite/repair_macos.rs"]
mod repair_macos;
#[path = "suite/repair_windows.rs"]
mod repair_windows;
#[path = "suite/repair_windows_runtimes.rs"]
mod repair_windows_runtimes;
#[path = "suite/retag.rs"]
mod retag;
#[cfg(unix)]
#[path = "suite/retag_installs.rs"]
mod retag_installs;
#[path = "suite/retag_platforms.rs"]
mod retag_platforms;
#[path = "suite/sbom.rs"]
mod sbom;
#[path = "suite/start_up.rs"]
mod start_up;
mod support;
#[path = "suite/text_mutations.rs"]
mod text_mutations;
#[path = "suite/tidy.rs"]
mod tidy;
#[path = "suite/wheel_archive.rs"]
mod wheel_archive;
#[path = "suite/wheel_hostile.rs"]
mod wheel_hostile;
#[path = "suite/wheel_write.rs"]
mod wheel_write;
#[cfg(unix)]
#[path = "suite/wine_loads.rs"]
mod wine_loads;
