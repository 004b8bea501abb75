//! What grants and consents have in common: who gave them, and by what their lists are narrowed.

use events::{ClientId, Holder, KeyId, ServerId, UserId};

/// Which of an organization's are listed. What is not said lets everything through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GrantedFilter<S> {
    pub client: Option<ClientId>,
    pub person: Option<UserId>,
    pub server: Option<ServerId>,
    pub state: Option<S>,
}

impl<S> Default for GrantedFilter<S> {
    fn default() -> Self {
        Self { client: None, person: None, server: None, state: None }
    }
}

/// A statement for each way to find them: by the first of client, person and server that is given, which an index holds,
/// or by the organization alone.
pub(super) struct Statements {
    pub all: &'static str,
    pub of_client: &'static str,
    pub of_person: &'static str,
    pub of_server: &'static str,
}

impl Statements {
    pub fn of<S>(&self, filter: &GrantedFilter<S>) -> &'static str {
        match filter {
            GrantedFilter { person: Some(_), .. } => self.of_person,
            GrantedFilter { client: Some(_), .. } => self.of_client,
            GrantedFilter { server: Some(_), .. } => self.of_server,
            GrantedFilter { person: None, client: None, server: None, state: _ } => self.all,
        }
    }
}

/// A list of one organization's, newest first: organization, before which sequence, how many, client, person, server, state,
/// and the time by which a state is told, in milliseconds since 1970.
macro_rules! listed {
    ($table:literal, $state:literal, $by:literal) => {
        concat!(
            "SELECT to_jsonb(g) || jsonb_build_object('state', ",
            $state,
            ", 'person_name', (SELECT p.name FROM people p WHERE p.id = g.person), \
             'person_email', (SELECT p.email FROM people p WHERE p.id = g.person), \
             'key_name', (SELECT k.name FROM keys k WHERE k.id = g.key)) FROM ",
            $table,
            " g WHERE g.organization = $1 AND g.created < $2",
            $by,
            // By cases: of `$4 IS NULL OR …` PostgreSQL expects next to no rows, and sorts them all.
            " AND CASE WHEN $4::uuid IS NULL THEN true ELSE g.client = $4 END \
             AND CASE WHEN $5::uuid IS NULL THEN true ELSE g.person = $5 END \
             AND CASE WHEN $6::uuid IS NULL THEN true ELSE g.server = $6 END \
             AND CASE WHEN $7::text IS NULL THEN true ELSE $7 = ",
            $state,
            " END ORDER BY g.created DESC LIMIT $3"
        )
    };
}
pub(super) use listed;

/// Both columns of a holder, of which one has a value.
pub(super) fn columns(holder: Holder) -> (Option<UserId>, Option<KeyId>) {
    match holder {
        Holder::Person { id } => (Some(id), None),
        Holder::Key { id } => (None, Some(id)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_narrowest_index_is_asked() {
        let statements = Statements { all: "all", of_client: "c", of_person: "p", of_server: "s" };
        let (client, person, server) = (
            Some(ClientId::new(Uuid::from_u128(1))),
            Some(UserId::new(Uuid::from_u128(2))),
            Some(ServerId::new(Uuid::from_u128(3))),
        );
        let none = GrantedFilter { state: Some(()), ..GrantedFilter::default() };
        assert_eq!(statements.of(&none), "all");
        assert_eq!(statements.of(&GrantedFilter { server, ..none }), "s");
        assert_eq!(statements.of(&GrantedFilter { server, client, ..none }), "c");
        assert_eq!(statements.of(&GrantedFilter { server, client, person, ..none }), "p");
    }
}
