//! How many cores this process may use: the affinity mask and the cgroup CPU quota (v2 and v1).

use std::fs;
use std::path::Path;

/// The number of workers that make sense here: the cores of the affinity mask, bounded by the cgroup quota
/// rounded up; at least one.
pub fn available() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    match quota(Path::new("/sys/fs/cgroup"), &own) {
        Some(quota) => cores.min(quota.ceil() as usize).max(1),
        None => cores,
    }
}

/// The quota in cores that the cgroup tree at `root` sets for the process whose `/proc/self/cgroup` reads `own`:
/// the smallest of its group and the groups above it. `None` when there is no limit.
fn quota(root: &Path, own: &str) -> Option<f64> {
    let mut smallest: Option<f64> = None;
    let mut consider = |found: Option<f64>| {
        if let Some(found) = found {
            smallest = Some(smallest.map_or(found, |known| known.min(found)));
        }
    };
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next().unwrap_or(""), parts.next().unwrap_or("/"));
        let unified = controllers.is_empty();
        if !unified && !controllers.split(',').any(|name| name == "cpu") {
            continue;
        }
        let base = if unified { root.to_path_buf() } else { root.join(controllers) };
        let mut group = Some(Path::new(path.trim_start_matches('/')));
        while let Some(path) = group {
            let folder = base.join(path);
            consider(if unified { quota_v2(&folder) } else { quota_v1(&folder) });
            group = path.parent();
        }
    }
    smallest
}

/// `cpu.max` of cgroup v2: "<microseconds or max> <period>".
fn quota_v2(folder: &Path) -> Option<f64> {
    let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
    let mut parts = text.split_whitespace();
    let quota: f64 = parts.next()?.parse().ok()?;
    let period: f64 = parts.next()?.parse().ok()?;
    (period > 0.0).then(|| quota / period)
}

/// `cpu.cfs_quota_us` and `cpu.cfs_period_us` of cgroup v1; a quota below zero means none.
fn quota_v1(folder: &Path) -> Option<f64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<f64>().ok();
    let (quota, period) = (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_quota_of_the_path_holds() {
        let root = std::env::temp_dir().join(format!("mecha-cgroup-{}", std::process::id()));
        fs::create_dir_all(root.join("pod/box")).unwrap();
        fs::write(root.join("pod/cpu.max"), "150000 100000\n").unwrap();
        fs::write(root.join("pod/box/cpu.max"), "max 100000\n").unwrap();
        assert_eq!(quota(&root, "0::/pod/box\n"), Some(1.5));
        fs::create_dir_all(root.join("cpu,cpuacct/pod")).unwrap();
        fs::write(root.join("cpu,cpuacct/pod/cpu.cfs_quota_us"), "50000\n").unwrap();
        fs::write(root.join("cpu,cpuacct/pod/cpu.cfs_period_us"), "100000\n").unwrap();
        assert_eq!(quota(&root, "3:cpu,cpuacct:/pod\n"), Some(0.5));
        assert_eq!(quota(&root, "0::/elsewhere\n"), None);
        fs::remove_dir_all(root).unwrap();
    }
}
