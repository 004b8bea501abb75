//! Reads steps back: the newest, as many as one answer is made of.

use events::Timestamp;

use super::step::Step;
use crate::store::attempts::AttemptSteps;
use crate::store::stream::StreamError;

/// Steps that are read at once,
const AT_ONCE: u64 = 500;
/// and that one answer looks at.
const LOOKED_AT: u64 = 20_000;

#[derive(Clone)]
pub struct Reader {
    pub steps: AttemptSteps,
}

/// What was told since a moment, in order.
#[derive(Clone, Debug, Default)]
pub struct Window {
    pub steps: Vec<Step>,
    /// There are older ones since then, which were not looked at.
    pub is_cut: bool,
}

impl Reader {
    pub async fn since(&self, since: Timestamp) -> Result<Window, StreamError> {
        let ends = self.steps.ends().await?;
        let mut next = ends.last.saturating_add(1);
        let lowest = ends.first.max(next.saturating_sub(LOOKED_AT));
        let (mut steps, mut is_cut) = (Vec::new(), lowest > ends.first);
        while next > lowest {
            let from = lowest.max(next.saturating_sub(AT_ONCE));
            let stored = self.steps.range(from, next - from).await?;
            // What nobody of ours wrote, or a newer version, is passed over.
            let read: Vec<Step> =
                stored.iter().filter_map(|stored| serde_json::from_slice(&stored.payload).ok()).collect();
            // Several processes' clocks and queues: a batch that is older as a whole is the end.
            let is_older = !read.is_empty() && read.iter().all(|step| step.at < since);
            steps.extend(read.into_iter().filter(|step| step.at >= since));
            next = from;
            if is_older {
                (next, is_cut) = (lowest, false);
            }
        }
        steps.sort_by_key(|step| (step.at, step.stage));
        Ok(Window { steps, is_cut })
    }
}
