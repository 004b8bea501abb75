//! What a type of event means to a SIEM: how grave it is, and which class and activity of OCSF it is.
//!
//! By its text: an event of a newer version has its place too, by its noun and its verb.

/// OCSF's `severity_id`; syslog's and CEF's follow from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Severity {
    Informational,
    Low,
    Medium,
    High,
}

/// A class of OCSF.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    ApiActivity,
    Authentication,
    AccountChange,
}

/// What happened, as an activity of its class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Activity {
    pub class: Class,
    pub id: u8,
    pub name: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meaning {
    /// `None`: other than OCSF has a name for; the event's own verb is it.
    pub activity: Option<Activity>,
    pub class: Class,
    pub severity: Severity,
}

impl Severity {
    pub fn ocsf(self) -> (u8, &'static str) {
        match self {
            Self::Informational => (1, "Informational"),
            Self::Low => (2, "Low"),
            Self::Medium => (3, "Medium"),
            Self::High => (4, "High"),
        }
    }

    /// 0 to 10.
    pub fn cef(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 3,
            Self::Medium => 5,
            Self::High => 8,
        }
    }

    /// RFC 5424, table 2.
    pub fn syslog(self) -> u8 {
        match self {
            Self::Informational => 6,
            Self::Low => 5,
            Self::Medium => 4,
            Self::High => 3,
        }
    }
}

impl Class {
    /// Its id and name, its category's id and name.
    pub fn ocsf(self) -> (u32, &'static str, u8, &'static str) {
        match self {
            Self::ApiActivity => (6003, "API Activity", 6, "Application Activity"),
            Self::Authentication => (3002, "Authentication", 3, "Identity & Access Management"),
            Self::AccountChange => (3001, "Account Change", 3, "Identity & Access Management"),
        }
    }

    /// What its schema calls a verb of ours.
    fn activity(self, verb: &str) -> Option<Activity> {
        let (id, name) = match (self, verb) {
            (Self::AccountChange, "enabled" | "resumed") => (2, "Enable"),
            (Self::AccountChange, "disabled" | "suspended") => (5, "Disable"),
            (Self::AccountChange, "revoked" | "removed" | "retired" | "deleted" | "forgotten") => {
                (6, "Delete")
            }
            (Self::AccountChange, "issued" | "created" | "registered" | "provisioned") => (1, "Create"),
            (Self::AccountChange, _) => return None,
            (Self::Authentication, "started" | "opened" | "signed_in" | "granted") => (1, "Logon"),
            (Self::Authentication, "ended" | "closed" | "signed_out" | "revoked" | "removed") => {
                (2, "Logoff")
            }
            (Self::Authentication, _) => return None,
            (
                Self::ApiActivity,
                "created" | "registered" | "issued" | "published" | "reserved" | "bootstrapped" | "added"
                | "enrolled" | "invited",
            ) => (1, "Create"),
            (
                Self::ApiActivity,
                "changed" | "renamed" | "suspended" | "resumed" | "enabled" | "disabled" | "set" | "rotated",
            ) => (3, "Update"),
            (
                Self::ApiActivity,
                "removed" | "retired" | "revoked" | "deleted" | "forgotten" | "released" | "withdrawn",
            ) => (4, "Delete"),
            (Self::ApiActivity, verb) if verb.ends_with("_published") => (1, "Create"),
            (Self::ApiActivity, verb) if verb.ends_with("_changed") => (3, "Update"),
            (Self::ApiActivity, verb) if verb.ends_with("_retired") => (4, "Delete"),
            (Self::ApiActivity, _) => return None,
        };
        Some(Activity { class: self, id, name })
    }
}

/// Types that are graver than news.
const GRAVE: &[(&str, Severity)] = &[
    ("installation.bootstrapped", Severity::Medium),
    ("installation.recovered", Severity::High),
    ("installation.loss_accepted", Severity::High),
    ("installation.signer_published", Severity::Medium),
    ("installation.signer_retired", Severity::Medium),
    ("organization.forgotten", Severity::Medium),
    ("organization.suspended", Severity::Medium),
    ("server.removed", Severity::Low),
    ("key.revoked", Severity::Low),
    ("key.disabled", Severity::Low),
    ("key.scopes_changed", Severity::Low),
];

impl Meaning {
    /// `sound`: it is an event that this version can read.
    pub fn of(kind: &str, sound: bool) -> Self {
        let (noun, verb) = kind.split_once('.').unwrap_or((kind, ""));
        let class = match noun {
            "key" | "user" | "client" => Class::AccountChange,
            "session" | "grant" | "consent" => Class::Authentication,
            _ => Class::ApiActivity,
        };
        let named = GRAVE.iter().find(|(name, _)| *name == kind).map(|(_, severity)| *severity);
        // Somebody has written what Keyledger did not, or a newer version has what this one does not know.
        let severity = if sound { named.unwrap_or(Severity::Informational) } else { Severity::High };
        Self { activity: class.activity(verb), class, severity }
    }
}
