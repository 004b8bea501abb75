//! Which events of a list, or of the feed, are shown.

use events::{Actor, AggregateId, AggregateType, Timestamp};

/// What is not said lets everything through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFilter {
    /// Such as `key.issued`: one of these.
    pub kinds: Option<Vec<String>>,
    pub actor: Option<Actor>,
    pub aggregate_type: Option<AggregateType>,
    pub aggregate_id: Option<AggregateId>,
    /// Stored at this moment or later, by the log's clock.
    pub since: Option<Timestamp>,
    /// Stored before this moment.
    pub until: Option<Timestamp>,
}

/// The filter's conditions, with the numbers of their parameters.
macro_rules! passes {
    ($kinds:literal, $actor:literal, $type:literal, $id:literal, $since:literal, $until:literal) => {
        concat!(
            "($",
            $kinds,
            "::text[] IS NULL OR kind = ANY($",
            $kinds,
            ")) AND ($",
            $actor,
            "::text IS NULL OR actor = $",
            $actor,
            ") AND ($",
            $type,
            "::text IS NULL OR aggregate_type = $",
            $type,
            ") AND ($",
            $id,
            "::text IS NULL OR aggregate_id = $",
            $id,
            ") AND ($",
            $since,
            "::bigint IS NULL OR stored_at >= to_timestamp($",
            $since,
            " / 1000.0)) AND ($",
            $until,
            "::bigint IS NULL OR stored_at < to_timestamp($",
            $until,
            " / 1000.0))"
        )
    };
}
pub(super) use passes;

impl EventFilter {
    /// Everything passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it looks at more than the time, by which the rows lie.
    pub fn is_by_time_alone(&self) -> bool {
        let Self { kinds, actor, aggregate_type, aggregate_id, since: _, until: _ } = self;
        kinds.is_none() && actor.is_none() && aggregate_type.is_none() && aggregate_id.is_none()
    }
}

/// Binds the filter's conditions.
macro_rules! with_filter {
    ($statement:expr, $filter:expr) => {
        $statement
            .bind($filter.kinds.clone())
            .bind($filter.actor.as_ref().map(ToString::to_string))
            .bind($filter.aggregate_type.as_ref().map(ToString::to_string))
            .bind($filter.aggregate_id.as_ref().map(ToString::to_string))
            .bind($filter.since.map(Timestamp::unix_millis))
            .bind($filter.until.map(Timestamp::unix_millis))
    };
}
pub(super) use with_filter;
