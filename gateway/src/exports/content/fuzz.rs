//! A file of an export comes from elsewhere when it is checked: what is read of it is all that is in it.

use events::LogId;

use super::lines;

#[test]
fn export_lines() {
    fuzz::target!("export_lines", |input| {
        let log: LogId = "019aa000-0000-7000-8000-000000000100".parse().unwrap();
        let mut leaves = 0;
        let read = lines::read(input, false, log, 1, &mut |_| leaves += 1);
        // Another way to write the same would be a place to hide something.
        if read.is_ok() {
            assert_eq!(leaves, input.iter().filter(|byte| **byte == b'\n').count());
            assert!(input.is_empty() || input.ends_with(b"\n"));
        }
        read.is_ok() && leaves > 0
    });
}
