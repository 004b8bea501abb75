//! Migrations are embedded: a new file makes a new build.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
