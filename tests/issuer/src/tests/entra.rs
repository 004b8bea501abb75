//! What is Entra ID's alone.

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{REDIRECT, asking, get, issuer, send, tokens, verified};
use crate::person::group;
use crate::{CLIENT, CONTOSO, Client, FABRIKAM, Signing};

#[tokio::test]
async fn entra_names_its_issuers_by_version_and_tenant() {
    let issuer = issuer().await;
    let base = issuer.url();
    for (at, told) in [
        (format!("{base}/common/v2.0"), format!("{base}/{{tenantid}}/v2.0")),
        (format!("{base}/organizations/v2.0"), format!("{base}/{{tenantid}}/v2.0")),
        (issuer.entra(CONTOSO), issuer.entra(CONTOSO)),
        (format!("{base}/common"), "https://sts.windows.net/{tenantid}/".to_owned()),
        (format!("{base}/{CONTOSO}"), format!("https://sts.windows.net/{CONTOSO}/")),
    ] {
        let document = get(&format!("{at}/.well-known/openid-configuration")).await.json();
        assert_eq!(document["issuer"], told, "{at}");
        assert_eq!(document["code_challenge_methods_supported"], Value::Null, "Entra does not tell it");
        let claims = verified(&at, &tokens(&at, &[("mock_user", "anna")]).await).await.unwrap();
        assert_eq!(claims["iss"], told.replace("{tenantid}", CONTOSO), "{at}");
        let version = if at.ends_with("v2.0") { "2.0" } else { "1.0" };
        assert_eq!((&claims["ver"], &claims["tid"]), (&json!(version), &json!(CONTOSO)));
        assert_eq!(claims["roles"], json!(["Keyledger.Developer"]));
        assert_eq!(claims["groups"], json!([group("engineering"), group("everyone")]));
    }
    let nobody = get(&format!("{base}/{CLIENT}/v2.0/.well-known/openid-configuration")).await;
    assert!(nobody.text.contains("AADSTS90002"));
}

#[tokio::test]
async fn entra_refuses_what_it_is_known_to_refuse() {
    let issuer = issuer().await;
    let at = issuer.entra(CONTOSO);
    let api = format!("api://{CLIENT}");
    let access = format!("openid {api}/access");
    for (parameters, code) in [
        (vec![("resource", "https://mcp.example/mcp/a/b")], "AADSTS9010010"),
        (vec![("resource", "https://mcp.example/mcp/a/b"), ("scope", &access)], "AADSTS9010010"),
        (vec![("scope", "mcp:tools")], "AADSTS650053"),
        (vec![("scope", &format!("User.Read {access}"))], "AADSTS28000"),
        (vec![("scope", "")], "AADSTS900144"),
    ] {
        let back = get(&asking(&at, &parameters).await).await.sent_back();
        assert!(back["error_description"].starts_with(code), "{parameters:?}: {back:?}");
        assert_eq!(back["state"], "s1");
    }
    let own = [("resource", api.as_str()), ("scope", &access), ("mock_user", "anna")];
    assert!(
        get(&asking(&at, &own).await).await.sent_back().contains_key("code"),
        "the app's own resource passes"
    );
    issuer.behave(|behaviour| behaviour.refuses_every_resource = true);
    let older = get(&asking(&at, &own).await).await.sent_back();
    assert!(older["error_description"].starts_with("AADSTS901002"));
    for (parameters, code) in [
        (vec![("redirect_uri", "http://127.0.0.1:9/other")], "AADSTS50011"),
        (vec![("redirect_uri", "http://127.0.0.1:10/sign-in/callback")], "AADSTS50011"),
        (vec![("client_id", "nobody")], "AADSTS700016"),
        (vec![("mock_user", "wim")], "AADSTS50020"),
    ] {
        let page = get(&asking(&at, &parameters).await).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.text.contains(code), "{parameters:?}: {}", page.text);
    }
    let silent = get(&asking(&at, &[("prompt", "none")]).await).await.sent_back();
    assert_eq!(silent["error"], "login_required");
}

#[tokio::test]
async fn a_guest_and_a_person_of_another_tenant_are_told_apart() {
    let issuer = issuer().await;
    let at = issuer.entra(CONTOSO);
    let guest = verified(&at, &tokens(&at, &[("mock_user", "gus")]).await).await.unwrap();
    assert_eq!(guest["tid"], CONTOSO);
    assert_eq!(guest["idp"], format!("https://sts.windows.net/{FABRIKAM}/"));
    let shared = format!("{}/organizations/v2.0", issuer.url());
    let at_home = verified(&shared, &tokens(&shared, &[("mock_user", "gus")]).await).await.unwrap();
    assert_eq!((&at_home["tid"], &at_home["idp"]), (&json!(FABRIKAM), &Value::Null));
    assert_ne!(at_home["oid"], guest["oid"]);
    issuer.register(Client { tenant: Some(CONTOSO.to_owned()), ..Client::confidential().redirect(REDIRECT) });
    let page = get(&asking(&shared, &[("mock_user", "wim")]).await).await;
    assert!(page.text.contains("AADSTS50020"), "an app of one tenant refuses others");
}

#[tokio::test]
async fn too_many_groups_are_told_as_an_overage_and_graph_has_them_in_pages() {
    let issuer = issuer().await;
    let at = issuer.entra(CONTOSO);
    let asked = [("mock_user", "olga"), ("scope", "openid GroupMember.Read.All")];
    let answer = tokens(&at, &asked).await;
    let claims = verified(&at, &answer).await.unwrap();
    assert_eq!((&claims["groups"], &claims["_claim_names"]["groups"]), (&Value::Null, &json!("src1")));
    let with = |token: &str, at: &str| {
        let request = Request::get(at).header("authorization", format!("Bearer {token}"));
        send(request.body(Full::default()).unwrap())
    };
    let token = answer["access_token"].as_str().unwrap();
    let mut page = format!("{}/v1.0/me/transitiveMemberOf/microsoft.graph.group", issuer.graph());
    let mut found = Vec::new();
    loop {
        let told = with(token, &page).await.json();
        found.extend(told["value"].as_array().unwrap().iter().map(|group| group["id"].clone()));
        let Some(next) = told["@odata.nextLink"].as_str() else { break };
        page = next.to_owned();
    }
    assert_eq!(found.len(), 250);
    assert_eq!(found[249], group("group-249"));
    let plain = tokens(&at, &[("mock_user", "olga")]).await;
    let refused =
        with(plain["access_token"].as_str().unwrap(), &format!("{}/v1.0/me/memberOf", issuer.graph())).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(with("none", &page).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_turn_and_each_may_be_one_issuers_alone() {
    let issuer = issuer().await;
    let at = issuer.entra(CONTOSO);
    let before = tokens(&at, &[("mock_user", "anna")]).await;
    let new = issuer.rotate();
    let after = tokens(&at, &[("mock_user", "anna")]).await;
    assert_eq!(
        jsonwebtoken::decode_header(after["id_token"].as_str().unwrap()).unwrap().kid,
        Some(new.clone())
    );
    assert!(verified(&at, &before).await.is_ok() && verified(&at, &after).await.is_ok());
    let of_another = issuer.entra(FABRIKAM);
    let other = issuer.publish(Some(&of_another));
    let set = get(&format!("{}/common/discovery/v2.0/keys", issuer.url())).await.json();
    let told = |kid: &str| {
        let keys = set["keys"].as_array().unwrap();
        keys.iter().find(|key| key["kid"] == *kid).unwrap()["issuer"].clone()
    };
    assert_eq!(told(&other), of_another);
    assert_eq!(told(&new), format!("{}/{{tenantid}}/v2.0", issuer.url()));
    issuer.behave(|behaviour| behaviour.signing = Signing::Kid(other.clone()));
    let signed = tokens(&at, &[("mock_user", "anna")]).await;
    assert_eq!(jsonwebtoken::decode_header(signed["id_token"].as_str().unwrap()).unwrap().kid, Some(other));
    issuer.withdraw_old_keys();
    assert_eq!(verified(&at, &before).await, Err("unknown kid".to_owned()));
}
