//! The integration tests, one binary: a module for each capability.

#[path = "suite/origin.rs"]
mod origin;
#[path = "suite/sbom.rs"]
mod sbom;
