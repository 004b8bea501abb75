//! What `issuers test` finds.

use events::issuer::CredentialKind;
use issuer::{CLIENT, Endpoint, Fault, Issuer, SECRET};
use serde_json::{Value, json};

use super::{ID, REDIRECT, settings, sign_in_by};
use crate::issuers::credential::{Certified, CredentialError};
use crate::issuers::trial::{Outcome, StepName, Trial};

async fn tried(issuer: &Issuer, client: &str, secret: Option<&str>, over: Value) -> Trial {
    let protocol = json!({"kind": "openid", "issuer": issuer.url()});
    let credential = secret.map(|secret| (CredentialKind::Secret, secret));
    sign_in_by(settings(protocol, client, over), credential, true).await.test(ID).await.unwrap()
}

fn step(trial: &Trial, name: StepName) -> (Outcome, &str) {
    let found = trial.steps.iter().find(|step| step.step == name).unwrap();
    (found.outcome, &found.told)
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_is_right_passes() {
    let issuer = Issuer::start().await.unwrap();
    issuer.allow_redirect(CLIENT, REDIRECT);
    let good = tried(&issuer, CLIENT, Some(SECRET), json!({})).await;
    assert!(good.passed, "{good:?}");
    assert!(good.steps.iter().all(|step| step.outcome == Outcome::Passed), "{good:?}");

    let wrong = tried(&issuer, CLIENT, Some("another"), json!({})).await;
    let (outcome, told) = step(&wrong, StepName::Credential);
    assert!(!wrong.passed && outcome == Outcome::Failed && told.contains("invalid_client"), "{told}");
    assert!(!format!("{wrong:?}").contains("another"), "no secret is told");

    let none = tried(&issuer, CLIENT, None, json!({})).await;
    assert!(step(&none, StepName::Credential).1.contains("issuers credential"), "{none:?}");

    let nobody = tried(&issuer, "nobody", Some(SECRET), json!({})).await;
    let (outcome, told) = step(&nobody, StepName::Client);
    assert!(outcome == Outcome::Failed && told.contains(REDIRECT), "{told}");

    let other = tried(&issuer, CLIENT, Some(SECRET), json!({"algorithms": ["ES256"]})).await;
    assert_eq!(step(&other, StepName::Keys).0, Outcome::Failed, "{other:?}");

    issuer
        .behave(|behaviour| behaviour.discovery.insert("issuer".to_owned(), "https://other.example".into()));
    let lies = tried(&issuer, CLIENT, Some(SECRET), json!({})).await;
    assert!(step(&lies, StepName::Discovery).1.contains("https://other.example"), "{lies:?}");
    assert_eq!(step(&lies, StepName::Keys).0, Outcome::Skipped);

    issuer.behave(|behaviour| {
        behaviour.discovery.clear();
        behaviour.faults.insert(Endpoint::Discovery, Fault::status(404));
    });
    let gone = tried(&issuer, CLIENT, Some(SECRET), json!({})).await;
    assert!(step(&gone, StepName::Discovery).1.contains("404"), "{gone:?}");
}

#[test]
fn a_key_must_be_its_certificates() {
    crate::crypto::install();
    let made = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["keyledger".to_owned()]).unwrap().self_signed(&key).unwrap();
        (key.serialize_pem(), certificate.pem())
    };
    let ((key, certificate), (other, _)) = (made(), made());
    let good = Certified::of(&format!("{certificate}{key}")).unwrap();
    assert_eq!(good.thumbprint().len(), 43);
    for (pem, expected) in [
        (format!("{certificate}{other}"), CredentialError::OtherKey),
        (certificate.clone(), CredentialError::NoKey),
        (key.clone(), CredentialError::NoCertificate),
        (format!("{certificate}{key}{other}"), CredentialError::NoKey),
        (String::new(), CredentialError::NoCertificate),
    ] {
        assert_eq!(Certified::of(&pem).unwrap_err(), expected);
    }
}
