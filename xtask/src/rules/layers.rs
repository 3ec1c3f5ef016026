//! The layer rule: a crate may depend only on crates named before it here; a driver only on [`DRIVER_MAY_USE`].
//!
//! The order is the architecture (ARCHITECTURE.md). A dependency that points the wrong way means that something
//! lives in the wrong crate, or that a trait should be handed in from above. Development dependencies may point
//! anywhere.

use crate::finding::Finding;
use crate::manifest::{Dependency, Manifest};
use crate::repo::Repo;

/// The layers from the ground up, and the crates of each in the order in which they may use one another.
const LAYERS: &[(&str, &[&str])] = &[
    ("ground", &["base", "metrics"]),
    ("wire", &["net", "codec", "http", "rpc"]),
    ("policy", &["config", "document", "route", "cluster", "resilience", "filter"]),
    ("engines and front ends", &["proxy", "component", "config-mosn", "config-dapr", "xds", "smi"]),
    ("faces", &["runtime", "api-http", "api-grpc", "pluggable", "wasm", "observe", "admin"]),
    ("assembly", &["app"]),
    ("top", &["mecha"]),
];

/// What a crate under `drivers/` may use of ours.
const DRIVER_MAY_USE: &[&str] = &["base", "component"];

const PREFIX: &str = "mecha-";
const BINARY: &str = "mecha";
const CRATES: &str = "crates/";
const DRIVERS: &str = "drivers/";

/// Findings for every dependency that points up, and every crate without a place in the list.
pub(crate) fn check(repo: &Repo) -> Vec<Finding> {
    let packages = repo.packages();
    packages.iter().flat_map(|package| check_package(package, &packages)).collect()
}

fn check_package(package: &Manifest, packages: &[Manifest]) -> Vec<Finding> {
    let ours = || package.dependencies.iter().filter(|d| packages.iter().any(|p| p.name == d.name));
    if package.folder().starts_with(DRIVERS) {
        return ours().filter_map(|dependency| check_driver(package, dependency)).collect();
    }
    let Some(folder) = package.folder().strip_prefix(CRATES) else { return Vec::new() };
    let Some(place) = rank(short(&package.name)) else {
        let message = format!(
            "crate `{}` has no layer; put `{}` where it belongs in xtask/src/rules/layers.rs and in ARCHITECTURE.md",
            package.name,
            short(&package.name)
        );
        return vec![Finding::error(&package.path, 1, message)];
    };
    let mut findings: Vec<_> =
        ours().filter_map(|dependency| check_dependency(package, place, dependency, packages)).collect();
    if folder != short(&package.name) {
        let message = format!("package `{}` lives in `{folder}`; call it `{PREFIX}{folder}`", package.name);
        findings.push(Finding::error(&package.path, 1, message));
    }
    findings
}

fn check_driver(package: &Manifest, dependency: &Dependency) -> Option<Finding> {
    (!DRIVER_MAY_USE.contains(&short(&dependency.name))).then(|| {
        let message = format!(
            "driver `{}` depends on `{}`; a driver may use {} only, so hand what it needs in through `component`",
            package.name,
            dependency.name,
            DRIVER_MAY_USE.join(" and ")
        );
        Finding::error(&package.path, dependency.line, message)
    })
}

fn check_dependency(
    package: &Manifest,
    place: usize,
    dependency: &Dependency,
    packages: &[Manifest],
) -> Option<Finding> {
    let driver = packages.iter().any(|p| p.name == dependency.name && p.folder().starts_with(DRIVERS));
    if driver && package.name == BINARY {
        return None;
    }
    let advice = match rank(short(&dependency.name)) {
        Some(below) if below < place => return None,
        Some(_) => "which stands above it; move the code down, or hand a trait in from above",
        None if driver => "but only the binary may depend on drivers",
        None => "which is for tests and tools only; make it a development dependency",
    };
    let message = format!("`{}` depends on `{}`, {advice}", package.name, dependency.name);
    Some(Finding::error(&package.path, dependency.line, message))
}

/// The crates by layer with what each depends on, for people.
pub(crate) fn graph(repo: &Repo) -> String {
    let packages = repo.packages();
    let width = packages.iter().map(|package| short(&package.name).len()).max().unwrap_or(0);
    let mut out = String::new();
    for (layer, names) in LAYERS {
        let present: Vec<_> =
            names.iter().filter_map(|name| packages.iter().find(|p| short(&p.name) == *name)).collect();
        if present.is_empty() {
            continue;
        }
        out.push_str(&format!("{layer}\n"));
        for package in present {
            let mut uses: Vec<_> = package
                .dependencies
                .iter()
                .filter(|dependency| packages.iter().any(|p| p.name == dependency.name))
                .map(|dependency| short(&dependency.name))
                .collect();
            uses.sort_by_key(|name| rank(name));
            let line = format!("  {:width$}  {}", short(&package.name), uses.join(" "));
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

fn short(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn rank(name: &str) -> Option<usize> {
    LAYERS.iter().flat_map(|(_, names)| names.iter()).position(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::tree;

    fn manifest(name: &str, dependencies: &[&str]) -> String {
        let lines: String = dependencies.iter().map(|d| format!("{d}.workspace = true\n")).collect();
        format!("[package]\nname = \"{name}\"\n[dependencies]\n{lines}")
    }

    fn messages(crates: &[(&str, &str, &[&str])]) -> Vec<String> {
        let files =
            crates.iter().map(|(folder, name, uses)| (format!("{folder}/Cargo.toml"), manifest(name, uses)));
        check(&Repo::from_files(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dependency_downwards_is_fine_and_upwards_is_not() {
        let fine = [
            ("crates/base", "mecha-base", [].as_slice()),
            ("crates/net", "mecha-net", &["mecha-base", "tokio"]),
        ];
        assert_eq!(messages(&fine), Vec::<String>::new());
        let upwards = [
            ("crates/base", "mecha-base", ["tokio", "mecha-net"].as_slice()),
            ("crates/net", "mecha-net", &[]),
        ];
        let found = messages(&upwards);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("error: crates/base/Cargo.toml:5: `mecha-base` depends on `mecha-net`"));
    }

    #[test]
    fn a_crate_without_a_place_or_under_a_wrong_name_is_refused() {
        let found = messages(&[("crates/gadget", "mecha-gadget", &[]), ("crates/net", "mecha-wire", &[])]);
        assert!(found[0].contains("`mecha-gadget` has no layer"));
        assert!(found[1].contains("`mecha-wire` has no layer"));
        let found = messages(&[("crates/wire", "mecha-net", &[])]);
        assert!(found[0].contains("call it `mecha-wire`"));
    }

    #[test]
    fn a_driver_may_use_component_and_base_and_only_the_binary_may_use_it() {
        let found = messages(&[
            ("crates/base", "mecha-base", &[]),
            ("crates/component", "mecha-component", &["mecha-base"]),
            ("crates/runtime", "mecha-runtime", &["mecha-redis"]),
            ("crates/mecha", "mecha", &["mecha-redis"]),
            ("drivers/redis", "mecha-redis", &["mecha-base", "mecha-component", "mecha-runtime"]),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("only the binary may depend on drivers"));
        assert!(found[1].contains("driver `mecha-redis` depends on `mecha-runtime`"));
    }

    #[test]
    fn a_test_kit_is_a_development_dependency() {
        let found =
            messages(&[("crates/net", "mecha-net", &["mecha-kit"]), ("testing/kit", "mecha-kit", &[])]);
        assert!(found[0].contains("make it a development dependency"));
    }

    #[test]
    fn the_graph_names_each_crate_under_its_layer() {
        let repo = tree(&[
            ("crates/base/Cargo.toml", &manifest("mecha-base", &["tokio"])),
            ("crates/http/Cargo.toml", &manifest("mecha-http", &["mecha-net", "mecha-base"])),
            ("crates/net/Cargo.toml", &manifest("mecha-net", &["mecha-base"])),
        ]);
        assert_eq!(graph(&repo), "ground\n  base\nwire\n  net   base\n  http  base net\n");
    }
}
