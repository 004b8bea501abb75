//! The issuer as a process: it prints one line of JSON that says where it is, and ends when its standard input does.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a test's server that can't go on panics")]

use std::net::SocketAddr;

use clap::Parser;
use issuer::{CLIENT, CONTOSO, Issuer, SECRET, Settings};
use serde_json::json;
use tokio::io::AsyncReadExt;

/// An OpenID provider and an Entra ID to test against
#[derive(Parser)]
struct Arguments {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// An address that people may be sent back to; more than once
    #[arg(long)]
    redirect: Vec<String>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let Arguments { listen, redirect } = Arguments::parse();
    let issuer = Issuer::with(Settings { listen, ..Settings::default() }).await?;
    for address in &redirect {
        issuer.allow_redirect(CLIENT, address);
    }
    let told = json!({
        "issuer": issuer.url(),
        "entra": issuer.entra(CONTOSO),
        "authority": issuer.url(),
        "tenant": CONTOSO,
        "graph": issuer.graph(),
        "client_id": CLIENT,
        "client_secret": SECRET,
    });
    println!("{told}");
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await?;
    issuer.stop().await;
    Ok(())
}
