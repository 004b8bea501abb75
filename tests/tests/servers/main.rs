//! The tests' own servers do what the other tests rely on.

use keyledger_tests::servers::{Nats, Postgres, ROOT};
use sqlx::Executor;

#[tokio::test]
async fn two_tests_have_databases_apart() {
    let (one, two) = (Postgres::start().await, Postgres::start().await);
    assert_ne!(one.url(), two.url());
    let mut connection = one.connect().await;
    connection.execute("CREATE TABLE only_here (n int)").await.unwrap();
    let mut other = two.connect().await;
    assert!(other.execute("SELECT * FROM only_here").await.is_err());
}

#[tokio::test]
async fn a_postgresql_of_the_tests_own_comes_back_with_its_data() {
    let mut postgres = Postgres::own().await;
    let mut connection = postgres.connect().await;
    connection.execute("CREATE TABLE kept (n int)").await.unwrap();
    postgres.stop().await;
    assert!(connection.execute("SELECT 1").await.is_err());
    postgres.start_again().await;
    postgres.connect().await.execute("SELECT * FROM kept").await.unwrap();
}

#[tokio::test]
async fn a_nats_server_comes_back_with_its_data_and_address() {
    let mut nats = Nats::start().await;
    let client = nats.connect(ROOT).await;
    let config = async_nats::jetstream::stream::Config {
        name: "S".into(),
        subjects: vec!["s".into()],
        ..Default::default()
    };
    async_nats::jetstream::new(client).create_stream(config).await.unwrap();
    nats.kill().await;
    nats.start_again().await;
    async_nats::jetstream::new(nats.connect(ROOT).await).get_stream("S").await.unwrap();
}
