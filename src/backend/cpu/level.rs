//! Which vector instructions the loops use.
//!
//! Those that the processor has, or fewer where `TAUT_SIMD` says so: `avx2`, `sse4.2`, or `baseline`, what the program was
//! built for. No result depends on it, which tests see to by running with fewer.

use std::sync::LazyLock;

use fearless_simd::Level;

/// What the loops may use, the same as long as the process runs.
#[inline]
pub(super) fn level() -> Level {
    static LEVEL: LazyLock<Level> =
        LazyLock::new(|| at_most(Level::new(), std::env::var("TAUT_SIMD").ok().as_deref()));
    *LEVEL
}

/// The level, or the named one if that is less. A name that is none is told, as that of a device is.
fn at_most(level: Level, name: Option<&str>) -> Level {
    match name {
        None => level,
        Some("baseline") => Level::baseline(),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Some("sse4.2") => level.as_sse4_2().map_or(level, Level::Sse4_2),
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Some("avx2") => level.as_avx2().map_or(level, Level::Avx2),
        Some(name) => {
            eprintln!(
                "taut: TAUT_SIMD={name} is none of avx2, sse4.2 and baseline; using {level:?}"
            );
            level
        }
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
        assert_eq!(has(Some("AVX2")), all, "no such name");
        assert_eq!(has(Some("avx2")), [all[0], all[1], false]);
        assert_eq!(has(Some("sse4.2")), [all[0], false, false]);
        let least = at_most(own, Some("baseline"));
        assert_eq!(format!("{least:?}"), format!("{:?}", Level::baseline()));
        // What the processor does not have cannot be asked for.
        if least.as_avx2().is_none() {
            assert!(at_most(least, Some("avx2")).as_avx2().is_none());
        }
    }
}
