//! Finds the descriptors of Dapr's API for server reflection. The crate `dapr`, whose message types are used, ships them
//! (`src/dapr/types.bin`) and does not export them; cargo knows where that crate is.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    let output = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", &env::var("TARGET")?])
        .arg("--manifest-path")
        .arg(Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(|packages| packages.as_array());
    let dapr =
        packages.into_iter().flatten().find(|package| package.get("name").is_some_and(|it| it == "dapr"));
    let manifest = dapr.and_then(|package| package.get("manifest_path")?.as_str());
    let manifest = manifest.ok_or("the crate dapr is not among the dependencies")?;
    let descriptors = Path::new(manifest).with_file_name("src").join("dapr/types.bin");
    fs::copy(&descriptors, Path::new(&env::var("OUT_DIR")?).join("dapr.bin"))
        .map_err(|error| format!("{}: {error}", descriptors.display()))?;
    Ok(())
}
