//! Sizes in the notation of Kubernetes quantities (`4Mi`, `10M`, `1.5Gi`, `1e6`, `4096`), as the flags for sizes take
//! them (reference 3.1).

/// Factors by suffix: of two and of ten; the small ones exist in the notation and are rounded up.
const SUFFIXES: [(&str, f64); 16] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

/// The number of bytes; below zero where a minus stands before it. `None` when it is no quantity or does not fit.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = (text.get(..end)?, text.get(end..)?);
    let digits = number.trim_start_matches(['+', '-']);
    if number.len() > digits.len() + 1 || digits.is_empty() || digits == "." {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let factor = match SUFFIXES.iter().find(|(known, _)| *known == suffix) {
        Some((_, factor)) => *factor,
        // `1e6`, `12E3`: a power of ten.
        None => {
            let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            10f64.powi(power)
        }
    };
    let bytes = (number * factor).ceil();
    // 2^53: up to there a whole number is exact.
    (bytes.abs() <= 9_007_199_254_740_992.0).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn quantities_are_read_as_kubernetes_does() {
        let cases = [
            ("4Ki", Some(4096)),
            ("4Mi", Some(4 << 20)),
            ("10M", Some(10_000_000)),
            ("1.5Gi", Some(3 << 29)),
            ("4096", Some(4096)),
            ("2k", Some(2000)),
            ("1e6", Some(1_000_000)),
            ("12E3", Some(12_000)),
            ("1500m", Some(2)),
            ("-1", Some(-1)),
            ("+3", Some(3)),
            ("", None),
            ("Mi", None),
            (".", None),
            ("--1", None),
            ("1.2.3", None),
            ("4MB", None),
            ("4K", None),
            ("9999Ei", None),
            ("1e", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
