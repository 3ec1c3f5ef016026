//! YAML of Dapr's resources, Configurations and run files: a verdict is one of two, the same each time, and a finding has
//! a place in its file.
#![no_main]

use std::path::{Path, PathBuf};
use std::{fs, process};

use libfuzzer_sys::fuzz_target;
use mecha_config::Diagnostics;
use mecha_config::runtime::Identity;
use mecha_config_dapr::{Environment, load_configuration, load_multi, load_resources};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let folder = Folder::new();
    let file = folder.0.join("f.yaml");
    fs::write(&file, text).expect("the folder is there");
    let lines = 1 + text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    for app_id in ["orders", ""] {
        let identity = Identity { app_id: app_id.to_owned(), ..Identity::default() };
        let load = || load_resources(std::slice::from_ref(&folder.0), &identity);
        let loaded = load();
        check(loaded.resources.is_some(), &loaded.diagnostics, &file, lines);
        assert_eq!(loaded.resources, load().resources, "loaded again");
    }
    let env = Environment::new(|name| (name == "A").then(|| "x: [".to_owned()));
    let (settings, found) = load_configuration(std::slice::from_ref(&file), &env);
    check(settings.is_some(), &found, &file, lines);
    let (run, found) = load_multi(&file, &env);
    assert_eq!(run.is_none(), found.has_errors(), "{found}");
});

fn check(is_read: bool, found: &Diagnostics, file: &Path, lines: usize) {
    assert_eq!(is_read, !found.has_errors(), "{found}");
    for found in &found.0 {
        assert_eq!(Path::new(&*found.file), file, "{found}");
        assert!(found.line as usize <= lines, "{found} in {lines} lines");
    }
}

/// A folder of this process that goes when its file was read.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("mecha-fuzz-{}", process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
