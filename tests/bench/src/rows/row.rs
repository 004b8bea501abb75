//! A measured row.

use serde::{Deserialize, Serialize};

use crate::statistics::{Spread, short};

#[derive(Clone, Debug)]
pub struct Row {
    /// Which work.
    pub row: String,
    pub unit: &'static str,
    pub better: Better,
    pub floor: Option<Spread>,
    pub ours: Option<Spread>,
    /// Ours beside the floor, as the aim counts it.
    pub ratio: Option<f64>,
    pub aim: &'static str,
    /// `None`: it was not taken, or of other sizes than the aim speaks of.
    pub holds: Option<bool>,
    /// What else was seen; of a row that was not taken, why.
    pub notes: Vec<String>,
}

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    More,
    Less,
}

impl Row {
    /// One that could not be taken, where less would be better.
    pub fn not_taken(row: &str, unit: &'static str, aim: &'static str, why: String) -> Self {
        Self {
            row: row.to_owned(),
            unit,
            better: Better::Less,
            floor: None,
            ours: None,
            ratio: None,
            aim,
            holds: None,
            notes: vec![why],
        }
    }

    pub fn print(&self) {
        let spread = |spread: Option<Spread>| spread.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let (row, unit, aim) = (&self.row, self.unit, self.aim);
        println!("  {row} [{unit}]");
        println!("    floor {}   ours {}", spread(self.floor), spread(self.ours));
        let ratio = self.ratio.map_or_else(|| "-".to_owned(), short);
        println!("    ratio {ratio}   aim {aim}: {}", self.verdict());
        self.notes.iter().for_each(|note| println!("    {note}"));
    }

    pub fn verdict(&self) -> &'static str {
        verdict(self.holds, self.ours.is_some())
    }
}

pub fn verdict(holds: Option<bool>, taken: bool) -> &'static str {
    match (holds, taken) {
        (Some(true), _) => "holds",
        (Some(false), _) => "missed",
        (None, true) => "not judged",
        (None, false) => "not taken",
    }
}
