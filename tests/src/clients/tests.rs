use gateway::dev::demo::Demo;

use super::*;

/// What a pass looks like without the gateway: when this fails, the fault is not the gateway's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sdk_speaks_to_the_demo_server_directly() {
    let demo = Demo::start(([127, 0, 0, 1], 0).into()).await.unwrap();
    for (sdk, revision) in ALL {
        let plan = Plan::new(&demo.url(), None)
            .call("echo", json!({"text": "hi"}))
            .call("count", json!({"to": 2, "delay_ms": 100}))
            .with_progress();
        let told = plan.run(*sdk).await;
        assert_eq!(told.protocol(), *revision, "{told:#?}");
        assert!(told.tools().contains(&"echo"), "{told:#?}");
        assert_eq!(told.all("result").len(), 2, "{told:#?}");
        assert_eq!(told.all("progress").len(), 2, "{told:#?}");
    }
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_sdk_that_is_refused_tells_it() {
    let refusing = crate::upstreams::Fixed::new(401, "application/json", "{}");
    let upstream = crate::upstreams::Upstream::start(refusing).await;
    let told = Plan::new(&upstream.url(), Some("a-key")).run(TYPESCRIPT_1).await;
    assert_eq!(told.one("refused")["stage"], "connect");
    assert_eq!(told.statuses(), [("POST", 401)]);
    let headers = &upstream.received()[0].headers;
    assert_eq!(headers.get("authorization"), Some("Bearer a-key"));
}
