//! Bolt's statuses and HTTP's, both ways, as MOSN maps them (MOSN reference 2.3).

/// The Bolt status of an answer that is made here for an HTTP status. MOSN's own codes 0 (its codec failed) and 3 (what
/// came can't be deserialized) are known too. Forbidden is a server exception, and what has no row is "unknown".
pub fn status(http: u16) -> u16 {
    match http {
        200 => 0,
        403 => 2,
        503 => 4,
        404 | 502 => 6,
        504 => 7,
        0 => 9,
        3 => 18,
        _ => 3,
    }
}

/// The HTTP status that a Bolt status stands for in statistics, in the access log and when it is asked whether to retry.
pub fn http_status(status: u16) -> u16 {
    match status {
        0 => 200,
        4 => 503,
        7 => 504,
        16 => 502,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_map_as_in_the_table() {
        let bolt =
            [(200, 0), (404, 6), (502, 6), (503, 4), (0, 9), (3, 18), (504, 7), (403, 2), (500, 3), (429, 3)];
        for (http, expected) in bolt {
            assert_eq!(status(http), expected, "HTTP {http}");
        }
        for (code, expected) in [(0, 200), (4, 503), (7, 504), (16, 502), (1, 500), (6, 500), (18, 500)] {
            assert_eq!(http_status(code), expected, "Bolt {code}");
        }
    }
}
