//! Which vector instructions the loops use.
//!
//! Those that the processor has, or fewer where `TAUT_SIMD` says so: `avx2`, `sse4.2`, or `baseline`, which every
//! processor of its architecture has. No result depends on it, as the tests see to by running under each.

use std::sync::OnceLock;

use fearless_simd::Level;

/// What the loops may use, the same as long as the process runs.
pub(super) fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| at_most(Level::new(), std::env::var("TAUT_SIMD").ok().as_deref()))
}

/// The level, or the named one if that is less.
fn at_most(level: Level, name: Option<&str>) -> Level {
    match name {
        Some("baseline") => Level::baseline(),
        #[cfg(target_arch = "x86_64")]
        Some("sse4.2") => level.as_sse4_2().map_or(level, Level::Sse4_2),
        #[cfg(target_arch = "x86_64")]
        Some("avx2") => level.as_avx2().map_or(level, Level::Avx2),
        _ => level,
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn names_make_the_level_less_and_never_more() {
        let own = Level::new();
        let has = |name| {
            let level = at_most(own, name);
            [level.as_sse4_2().is_some(), level.as_avx2().is_some(), level.as_avx512().is_some()]
        };
        let all = has(None);
        assert_eq!(has(Some("avx512")), all);
        assert_eq!(has(Some("avx2")), [all[0], all[1], false]);
        assert_eq!(has(Some("sse4.2")), [all[0], false, false]);
        let least = at_most(Level::baseline(), Some("avx2"));
        assert_eq!(format!("{least:?}"), format!("{:?}", Level::baseline()));
        assert_eq!(format!("{:?}", at_most(own, Some("baseline"))), format!("{least:?}"));
    }
}
