use super::*;

#[test]
fn a_request_is_bent_in_one_place() {
    let client = Client { id: "c".into(), secret: None, redirect: "http://127.0.0.1:1/cb".into() };
    let server = Server(serde_json::json!({"authorization_endpoint": "http://127.0.0.1:2/authorize?kept=1"}));
    let bent = client.authorization("a b").with("resource", "http://127.0.0.1:3/mcp").without("state");
    let url = Url::parse(&server.authorize(&bent)).unwrap();
    let query: BTreeMap<_, _> = url.query_pairs().collect();
    assert_eq!(
        (&*query["kept"], &*query["scope"], &*query["resource"]),
        ("1", "a b", "http://127.0.0.1:3/mcp")
    );
    assert!(!query.contains_key("state"));
    assert_ne!(client.authorization("").verifier, client.authorization("").verifier);
}
