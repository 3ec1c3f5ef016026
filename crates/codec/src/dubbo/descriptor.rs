//! The types of a request's arguments, as the JVM writes them: how many arguments follow is nowhere else.

/// How many types a descriptor such as `ILjava/lang/String;[I` names; `None` when it is malformed.
pub fn count(types: &[u8]) -> Option<usize> {
    let (mut rest, mut count) = (types, 0);
    while !rest.is_empty() {
        let dimensions = rest.iter().take_while(|byte| **byte == b'[').count();
        let (kind, tail) = rest.get(dimensions..)?.split_first()?;
        rest = match kind {
            b'Z' | b'B' | b'C' | b'D' | b'F' | b'I' | b'J' | b'S' => tail,
            b'L' => tail.get(memchr::memchr(b';', tail)? + 1..)?,
            _ => return None,
        };
        count += 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn types_are_counted() {
        let cases: &[(&str, Option<usize>)] = &[
            ("", Some(0)),
            ("I", Some(1)),
            ("ZBCDFIJS", Some(8)),
            ("ILjava/lang/String;[I", Some(3)),
            ("[[Ljava/lang/Object;J", Some(2)),
            ("Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;", Some(3)),
            ("[", None),
            ("Ljava/lang/String", None),
            ("java.lang.String", None),
            ("I;", None),
        ];
        for (types, expected) in cases {
            assert_eq!(count(types.as_bytes()), *expected, "{types}");
        }
    }
}
