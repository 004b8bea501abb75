use issuer::{CLIENT, Issuer};

/// By pointer and by keyboard, at a desk and on a phone; pictures, and no barriers (axe-core).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_use_the_mock_issuers_page() {
    if super::is_left_out() {
        eprintln!("NOT TESTED: {} leaves it out", super::WITHOUT);
        return;
    }
    let issuer = Issuer::start().await.unwrap();
    let pictures = tempfile::tempdir().unwrap();
    super::run("issuer.mjs", &[&issuer.url(), &CLIENT, &pictures.path()]).await;
    for name in ["issuer-desk.png", "issuer-phone.png"] {
        let picture = std::fs::read(pictures.path().join(name)).unwrap();
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
    }
}
