//! An issuer's refusals as problems.

use domain::issuer::Refusal;
use events::issuer::SettingsProblem;

use crate::api::organization::problem::{closed, suspended};
use crate::problem::{Kind, Problem};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown | Refusal::OrganizationUnknown => Problem::not_found(),
            Refusal::AlreadyRegistered => {
                Problem::new(Kind::IssuerAlreadyRegistered, "This issuer is registered already.")
            }
            Refusal::Removed => {
                Problem::new(Kind::IssuerRemoved, "This issuer is removed, for ever. Register a new one.")
            }
            Refusal::SlugTaken { slug } => Problem::new(
                Kind::SlugTaken,
                format!("The slug `{slug}` belongs to another issuer, present or removed. Choose another one."),
            )
            .at("slug"),
            Refusal::AnotherIssuer => Problem::new(
                Kind::AnotherIssuer,
                "Who issues never changes: people are known by what this issuer says of them. Register the other one beside \
                 it, and remove this one when nobody needs it.",
            )
            .at("protocol"),
            Refusal::Settings(problem) => Problem::invalid(member(problem), format!("{}.", capital(problem))),
            Refusal::OrganizationSuspended => suspended(),
            Refusal::OrganizationClosed => closed(),
        }
    }
}

fn member(problem: SettingsProblem) -> &'static str {
    match problem {
        SettingsProblem::NoOpenid
        | SettingsProblem::UnqualifiedScope
        | SettingsProblem::TwoResources
        | SettingsProblem::GraphScopes => "scopes",
        SettingsProblem::EntraAlgorithms => "algorithms",
        SettingsProblem::GraphElsewhere => "overage",
        SettingsProblem::RuleGivesNothing => "rules",
        SettingsProblem::ManyRequirements => "restrictions.required",
    }
}

fn capital(problem: SettingsProblem) -> String {
    let text = problem.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
