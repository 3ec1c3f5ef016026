//! The few facts the rules need from a `Cargo.toml`, read line by line.
//!
//! Not a TOML parser: it knows section headers, and keys at the start of a line. Our manifests are plain, and
//! cargo has already refused the malformed ones.

/// The name of the file.
pub(crate) const MANIFEST: &str = "Cargo.toml";

/// One dependency on another package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The package's name as written in the manifest.
    pub(crate) name: String,
    /// Its line, counted from 1.
    pub(crate) line: usize,
}

/// One package.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    /// Path of the file, relative to the root.
    pub(crate) path: String,
    /// `package.name`; empty for a manifest that is only a workspace.
    pub(crate) name: String,
    /// `[dependencies]` and `[build-dependencies]`, those of one target too, without the development ones.
    pub(crate) dependencies: Vec<Dependency>,
    /// `[lints] workspace = true` is there.
    pub(crate) inherits_lints: bool,
    /// A `[workspace]` of its own: it stands outside ours and cannot inherit from it.
    pub(crate) own_workspace: bool,
}

/// What the lines under a section header mean.
enum Section {
    Package,
    Dependencies,
    Lints,
    Other,
}

impl Manifest {
    /// Reads a manifest's text.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut manifest = Self { path: path.to_owned(), ..Self::default() };
        let mut section = Section::Other;
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(header) = line.strip_prefix('[') {
                let header = header.trim_matches(['[', ']']).trim();
                section = manifest.enter(header, index + 1);
            } else if let Some((key, value)) = line.split_once('=') {
                manifest.read(&section, key.trim(), value.trim(), index + 1);
            }
        }
        manifest
    }

    /// The folder the manifest is in, relative to the root.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    fn enter(&mut self, header: &str, line: usize) -> Section {
        // `[target.'cfg(unix)'.dependencies]` means what `[dependencies]` means.
        let plain = match header.strip_prefix("target.") {
            Some(rest) => rest.rsplit_once("'.").map_or(rest, |(_, rest)| rest),
            None => header,
        };
        let plain = plain.strip_prefix("build-").unwrap_or(plain);
        match plain {
            "package" => Section::Package,
            "lints" => Section::Lints,
            "dependencies" => Section::Dependencies,
            "workspace" => {
                self.own_workspace = true;
                Section::Other
            }
            _ => {
                if let Some(name) = plain.strip_prefix("dependencies.") {
                    self.dependencies.push(Dependency { name: name.to_owned(), line });
                }
                Section::Other
            }
        }
    }

    fn read(&mut self, section: &Section, key: &str, value: &str, line: usize) {
        match section {
            Section::Package if key == "name" => self.name = value.trim_matches('"').to_owned(),
            Section::Lints if key == "workspace" => self.inherits_lints = value == "true",
            Section::Dependencies => {
                let name = key.split('.').next().unwrap_or(key).trim_matches('"');
                self.dependencies.push(Dependency { name: name.to_owned(), line });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(manifest: &Manifest) -> Vec<&str> {
        manifest.dependencies.iter().map(|dependency| dependency.name.as_str()).collect()
    }

    #[test]
    fn reads_name_dependencies_and_lints() {
        let text = "[package]\nname = \"mecha-net\" # the wire\n\n[lints]\nworkspace = true\n\n\
                    [dependencies]\nmecha-base.workspace = true\ntokio = { workspace = true }\n";
        let manifest = Manifest::parse("crates/net/Cargo.toml", text);
        assert_eq!(manifest.name, "mecha-net");
        assert_eq!(manifest.folder(), "crates/net");
        assert!(manifest.inherits_lints && !manifest.own_workspace);
        assert_eq!(names(&manifest), ["mecha-base", "tokio"]);
        assert_eq!(manifest.dependencies.first().map(|d| d.line), Some(8));
    }

    #[test]
    fn target_build_and_table_dependencies_count() {
        let text = "[package]\nname = \"a\"\n[target.'cfg(target_os = \"linux\")'.dependencies]\nlibc = \"0.2\"\n\
                    [build-dependencies]\ncc = \"1\"\n[dependencies.mecha-http]\nworkspace = true\n";
        assert_eq!(names(&Manifest::parse("a/Cargo.toml", text)), ["libc", "cc", "mecha-http"]);
    }

    #[test]
    fn development_dependencies_do_not_count() {
        let text = "[package]\nname = \"a\"\n[dev-dependencies]\nmecha-app.workspace = true\n\
                    [dev-dependencies.mecha-kit]\nworkspace = true\n";
        assert!(Manifest::parse("a/Cargo.toml", text).dependencies.is_empty());
    }
}
