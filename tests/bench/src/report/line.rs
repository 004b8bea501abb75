//! A row as docs/benchmarks.json has it: medians alone. The chart and README's figures are drawn from these, so that the
//! file gives them again.

use serde::{Deserialize, Serialize};

use crate::rows::{Better, Row, verdict};
use crate::statistics::{Spread, thousandths};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub row: String,
    pub unit: String,
    pub better: Better,
    pub floor: Option<f64>,
    /// Of how many rounds this is the median.
    pub floor_rounds: Option<usize>,
    pub ours: Option<f64>,
    pub ours_rounds: Option<usize>,
    pub ratio: Option<f64>,
    pub aim: String,
    /// `None`: it was not taken, or of other sizes than the aim speaks of.
    pub holds: Option<bool>,
}

impl Line {
    pub fn of(row: &Row) -> Self {
        let rounded = |value: f64| value.is_finite().then(|| thousandths(value));
        let median = |spread: Option<Spread>| spread.and_then(|it| rounded(it.median));
        Self {
            row: row.row.clone(),
            unit: row.unit.to_owned(),
            better: row.better,
            floor: median(row.floor),
            floor_rounds: row.floor.map(|it| it.rounds),
            ours: median(row.ours),
            ours_rounds: row.ours.map(|it| it.rounds),
            ratio: row.ratio.and_then(rounded),
            aim: row.aim.to_owned(),
            holds: row.holds,
        }
    }

    pub fn verdict(&self) -> &'static str {
        verdict(self.holds, self.ours.is_some())
    }
}

pub fn json(lines: &[Line]) -> String {
    let mut json = serde_json::to_string_pretty(lines).expect("JSON");
    json.push('\n');
    json
}
