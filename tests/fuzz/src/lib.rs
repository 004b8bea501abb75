//! Fuzz targets: a property of whatever bytes come, asked of a committed corpus and of what bolero makes up.
//!
//! Hardly any random bytes are a key or a message. So each target gets, beside bolero's own input, one that is made
//! of its corpus as that input says: a file of it with a few edits. It knows no room: a target stands in the crate
//! that owns what is read, or, where that is public, under `tests/` here.
//!
//! [`target!`] runs one as an ordinary test with a bounded number of inputs; bolero's environment variables widen
//! that (`scripts/fuzz`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a target that fails panics")]

pub use bolero;

mod edit;
mod target;

pub use target::Target;

/// So many inputs of bolero's a target gets in an ordinary run,
pub const ITERATIONS: usize = 2_000;
/// and no more than it gets done in this time.
pub const TIME: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs a target, whose corpus lies in `__fuzz__/NAME/corpus` beside the file that calls this. The property panics
/// where it does not hold, and says whether the input was read as what the target is about: at least one is.
/// `seeds` are further inputs to begin with, such as can only be made as it runs.
#[macro_export]
macro_rules! target {
    ($name:literal, $property:expr) => {
        $crate::target!($name, seeds: Vec::new(), $property)
    };
    ($name:literal, seeds: $seeds:expr, $property:expr) => {{
        let target = $crate::Target::new(env!("CARGO_MANIFEST_DIR"), file!(), $name, $seeds, $property);
        $crate::bolero::check!(name = $name)
            .with_iterations($crate::ITERATIONS)
            .with_test_time($crate::TIME)
            .for_each(|input: &[u8]| target.ask(input));
        target.finish();
    }};
}
