//! The protocol's two eras, told apart request by request (MCP 2026-07-28, "Versioning").

/// How a request is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25 and earlier, and every request without a version: sessions, GET, DELETE, resumption. A
    /// dropped connection is no cancellation.
    Sessions,
    /// 2026-07-28 and later: each POST stands alone and carries its version. Closing the stream cancels.
    Stateless,
}

const FIRST_STATELESS: &str = "2026-07-28";
/// The versions that this gateway was made for. It judges others as far as it can, and the upstream has its say.
pub const KNOWN: [&str; 3] = [FIRST_STATELESS, "2025-11-25", "2025-06-18"];

impl Era {
    /// The era of a protocol version. What is no date is left to the upstream to judge, as legacy.
    pub fn of_version(version: &str) -> Self {
        let date = version.len() == FIRST_STATELESS.len()
            && version.bytes().enumerate().all(|(at, b)| match at {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if date && version >= FIRST_STATELESS { Self::Stateless } else { Self::Sessions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_2026_07_28_on_are_stateless() {
        for version in ["2026-07-28", "2026-12-01", "2031-01-01"] {
            assert_eq!(Era::of_version(version), Era::Stateless);
        }
        for version in
            ["2026-07-27", "2025-11-25", "2025-06-18", "2025-03-26", "", "draft", "9", "2026/07/28"]
        {
            assert_eq!(Era::of_version(version), Era::Sessions, "{version}");
        }
    }
}
