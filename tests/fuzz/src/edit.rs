//! Edits of a seed, each taken from a script of bytes: the same script makes the same edits.

/// What stands between one meaning and another in texts that we read.
const TOKENS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\u017f",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"*",
    b"%",
    b"%2e",
    b"%2F",
    b"%ff",
    b"..",
    b"./",
    b"/",
    b"?",
    b"#",
    b"@",
    b"-",
    b"_",
    b".",
    b"+",
    b" ",
    b"\t",
    b"\r\n",
    b"\n\n",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"0",
    b"-1",
    b"9223372036854775808",
    b"1e999",
    b"1.0",
    b"Z",
    b"T",
    b"\xff",
    b"\0",
    "é".as_bytes(),
    "ſ".as_bytes(),
    "\u{212a}".as_bytes(),
    "\u{ff0e}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{10ffff}".as_bytes(),
];

/// How many edits: mostly few, so that much of the seed's meaning stays.
const COUNTS: &[usize] = &[1, 1, 1, 1, 1, 2, 2, 2, 3, 5];
/// No edited input is longer, in bytes, but by its last edit.
const LONGEST: usize = 64 * 1_024;

/// Bytes that say what is done; where they end, zeros follow.
pub struct Script<'a>(std::slice::Iter<'a, u8>);

impl<'a> Script<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or_default()
    }

    /// A number below `end`; 0 when that is 0.
    fn below(&mut self, end: usize) -> usize {
        let number = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
        number.checked_rem(end).unwrap_or_default()
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(self.below(from.len()))
    }
}

/// One of the seeds, edited.
pub fn edited(seeds: &[Vec<u8>], mut script: Script<'_>) -> Vec<u8> {
    let mut input = script.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..script.pick(COUNTS).copied().unwrap_or_default() {
        if input.len() < LONGEST {
            edit(&mut input, seeds, &mut script);
        }
    }
    input
}

fn edit(input: &mut Vec<u8>, seeds: &[Vec<u8>], script: &mut Script<'_>) {
    let kind = script.byte() % 10;
    let at = script.below(input.len() + 1);
    let end = (at + 1 + script.below(16)).min(input.len());
    let insert = |input: &mut Vec<u8>, bytes: &[u8]| drop(input.splice(at..at, bytes.iter().copied()));
    match kind {
        0 => drop(input.splice(at..end.min(at + 1), [script.byte()])),
        1 => drop(input.drain(at..end)),
        2 => insert(input, script.pick(TOKENS).copied().unwrap_or_default()),
        // In place of what was there.
        3 => drop(input.splice(at..end, script.pick(TOKENS).copied().unwrap_or_default().iter().copied())),
        4 => {
            let copied = input[at..end].to_vec();
            let to = script.below(input.len() + 1);
            drop(input.splice(to..to, copied));
        }
        // The end of another seed, or of this one, or something out of it.
        5 => {
            let other = script.pick(seeds).cloned().unwrap_or_default();
            let from = script.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        6 => {
            let other = script.pick(seeds).cloned().unwrap_or_default();
            let from = script.below(other.len() + 1);
            let to = (from + 1 + script.below(32)).min(other.len());
            insert(input, &other[from..to]);
        }
        7 => input[at..end].iter_mut().for_each(|byte| *byte ^= 0x20),
        8 => input[at..end].iter_mut().for_each(|byte| *byte ^= 1),
        // At times so often that it meets the bounds.
        _ => {
            let repeated = input.get(at).copied().unwrap_or(b'a');
            let most = if script.byte().is_multiple_of(8) { 10_000 } else { 64 };
            insert(input, &vec![repeated; script.below(most)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_carried_out_and_makes_the_same_each_time() {
        let seeds = [b"seed".to_vec(), b"other".to_vec(), Vec::new()];
        for kind in 0..=255 {
            for place in [0, 1, 3, 4, 255] {
                for seed in 0..3 {
                    let script = [seed, 0, 9, 0, kind, place, 0, place, place, kind, place, 0, kind, 1, 2, 3];
                    let made = edited(&seeds, Script::new(&script));
                    assert_eq!(made, edited(&seeds, Script::new(&script)), "{script:?}");
                }
            }
        }
    }
}
