//! TARS' results and HTTP's statuses, both ways. MOSN has no table for them; these are TARS' own numbers by what they
//! mean.

/// The result of an answer that is made here for an HTTP status.
pub fn result(http: u16) -> i32 {
    match http {
        200 => 0,
        // The server has no such servant.
        404 => -4,
        // The call took too long.
        504 => -7,
        // The server can't be reached.
        502 => -8,
        // The server has too much to do.
        429 | 503 | 509 => -9,
        // Anything else that went wrong in the server.
        _ => super::build::UNKNOWN,
    }
}

/// The HTTP status that a result stands for in statistics, in the access log and when it is asked whether to retry.
pub fn http_status(result: i32) -> u16 {
    match result {
        0 => 200,
        // No such function, no such servant.
        -4 | -3 => 404,
        // Waited too long in the server's queue; took too long.
        -7 | -6 => 504,
        // Can't be reached; no server is there.
        -10 | -8 => 502,
        -9 => 503,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_map_to_results_and_back() {
        for (http, expected) in [(200, 0), (404, -4), (504, -7), (502, -8), (503, -9), (500, -99), (403, -99)]
        {
            assert_eq!(result(http), expected, "HTTP {http}");
        }
        for http in [200, 404, 502, 503, 504, 500] {
            assert_eq!(http_status(result(http)), http);
        }
        for (code, expected) in [(-3, 404), (-6, 504), (-10, 502), (-1, 500), (1, 500)] {
            assert_eq!(http_status(code), expected, "result {code}");
        }
    }
}
