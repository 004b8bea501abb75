//! PostgreSQL refuses something to the role that Keyledger connects as: said with what ends it.

use std::fmt;

use sqlx::migrate::MigrateError;

/// `insufficient_privilege` (PostgreSQL, Appendix A).
const NO_PRIVILEGE: &str = "42501";
/// `disk_full`
const FULL: &str = "53100";
/// `undefined_table`
const NO_TABLE: &str = "42P01";

/// A right that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// In PostgreSQL's words.
    message: String,
    role: Option<String>,
}

impl Denied {
    /// `None`: it is another error.
    pub(super) fn of(error: &sqlx::Error) -> Option<Self> {
        let error = error.as_database_error()?;
        (error.code()? == NO_PRIVILEGE).then(|| Self { message: error.message().to_owned(), role: None })
    }

    pub(super) fn of_migration(error: &MigrateError) -> Option<Self> {
        let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
            return None;
        };
        Self::of(error)
    }

    /// To read these; `None`: there are none.
    pub(super) fn tables(tables: &[String]) -> Option<Self> {
        let of = match tables {
            [] => return None,
            [one] => format!("table {one}"),
            several => format!("tables {}", several.join(", ")),
        };
        Some(Self { message: format!("permission denied for {of}"), role: None })
    }

    pub(super) fn to(self, role: String) -> Self {
        Self { role: Some(role), ..self }
    }

    /// What the owner of it does. PostgreSQL names the thing at the end of its sentence.
    fn remedy(&self) -> String {
        let role = self.role.as_deref().unwrap_or("THE-ROLE-OF-postgres.url");
        let name = self.message.rsplit(' ').next().unwrap_or_default();
        if self.message.contains("must be owner") {
            "let the owner of the tables run `keyledger projections list` once, which brings them up"
                .to_owned()
        } else if self.message.contains("for schema") {
            format!("as its owner: GRANT USAGE, CREATE ON SCHEMA {name} TO {role}")
        } else if self.message.contains("for database") {
            format!("as its owner: GRANT CONNECT, CREATE ON DATABASE {name} TO {role}")
        } else {
            format!(
                "as their owner: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
            )
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy())
    }
}

/// Whether the tables were never made.
pub(super) fn lacks_tables(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == NO_TABLE)
}

/// Whether PostgreSQL's disk is full.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == FULL)
}

/// An error without what it names in quotes: a file of one table, where all tables fare the same.
pub(super) fn without_names(error: &str) -> String {
    error.split('"').step_by(2).map(str::trim_end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_alike_of_every_table() {
        let told = without_names("could not extend file \"base/5/16401\": No space left on device");
        assert_eq!(told, "could not extend file: No space left on device");
    }

    #[test]
    fn it_is_said_what_ends_it() {
        for (message, remedy) in [
            ("permission denied for schema public", "GRANT USAGE, CREATE ON SCHEMA public TO kl"),
            (
                "permission denied for database read_models",
                "GRANT CONNECT, CREATE ON DATABASE read_models TO kl",
            ),
            (
                "permission denied for table checkpoints",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO kl",
            ),
            ("must be owner of table keys", "keyledger projections list"),
        ] {
            let told = Denied { message: message.to_owned(), role: None }.to("kl".to_owned()).to_string();
            assert!(told.starts_with(message) && told.contains(remedy), "{told}");
        }
    }
}
