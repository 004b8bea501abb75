//! Somebody whom no rule lets in becomes known by an invitation, and by nothing else; it makes one person a member.

use keyledger_tests::spine::{Spine, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::json;

use crate::granted::{Connecting, listed, provider};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_who_was_sent_it_and_signs_in() {
    let upstream = Upstream::start(McpServer::default()).await;
    let spine = Spine::start().await;
    let ready = spine.ready(&upstream).await;
    let (provider, issuer) = provider(&spine, &ready.organization).await;
    provider.add(issuer::Person::new("nina", "Nina"));
    provider.signs_in(Some("nina"));
    let connecting = Connecting::new(&spine, &ready.path).await;

    let (_, page) = connecting.signed_in(&connecting.server.authorize(&connecting.asked()), &issuer).await;
    assert!(page.answer.text().contains("You have no account here"), "{}", page.answer.text());
    let people = spine.admin(Ask::get("/api/v1/people")).await.expect(200).json();
    assert_eq!(people["items"], json!([]));

    let invitation = json!({"role": "viewer"});
    let created = spine.write(Ask::post(ready.organization.path("invitations"), &invitation)).await;
    let accept = format!("{}/invitations/accept", connecting.here);
    let (mut browser, page) = connecting.signed_in(&accept, &issuer).await;
    assert_eq!(page.url.path(), "/invitations/accept", "{}", page.answer.text());
    let form = page.forms.iter().find(|form| form.action.path() == "/invitations/accept").unwrap().clone();
    let wrong = browser.submit(&page, &form.clone().with("invitation", "kl_invite_none")).await;
    assert_eq!(wrong.answer.status, 400);
    let filled = form.with("invitation", &text(&created, "link"));
    let joined = browser.submit(&page, &filled).await;
    assert!(joined.answer.text().contains("You have joined"), "{}", joined.answer.text());
    let members = listed(&spine, &ready.organization.path("members")).await;
    assert_eq!((members.len(), &members[0]["role"]), (1, &json!("viewer")));

    // Another person, who has the same link.
    provider.signs_in(Some("anna"));
    let (mut browser, page) = connecting.signed_in(&accept, &issuer).await;
    let form = page.forms.iter().find(|form| form.action.path() == "/invitations/accept").unwrap().clone();
    let again = browser.submit(&page, &form.with("invitation", &text(&created, "link"))).await;
    assert!(again.answer.text().contains("no such invitation, or it was used"), "{}", again.answer.text());
    // And the first one, who is a member now, as who signs in anywhere.
    provider.signs_in(Some("nina"));
    let (tokens, _) = connecting.by_person(&issuer).await;
    connecting.call(&spine, &tokens).await.expect(200);
}
