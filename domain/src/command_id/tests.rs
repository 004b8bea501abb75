use super::*;

const ORGANIZATION: &str = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
const ID: &str = "0190a1b2-c3d4-7e5f-8a6b-000000000001";

fn owner() -> Owner {
    ORGANIZATION.parse().unwrap()
}

fn actor() -> Actor {
    format!("key:{ID}").parse().unwrap()
}

/// Computed apart from this code: these ids are for ever.
#[test]
fn ids_are_the_committed_ones() {
    let command = from_idempotency_key(owner(), &actor(), "retry-1");
    assert_eq!(command.to_string(), "68521ee2-9462-8fd4-b032-5fe3b601f7f8");
    assert_eq!(
        from_idempotency_key(Owner::Installation, &actor(), "retry-1").to_string(),
        "892c1270-9853-8ac7-acd0-b9f5bbb46233"
    );
    let reactor = "offboarding".parse().unwrap();
    assert_eq!(from_cause(ID.parse().unwrap(), &reactor).to_string(), "50ae9e4e-032a-89b2-9856-a576695d58a4");
    assert_eq!(create_id(command, &AggregateType::Key).to_string(), "b11d7faa-5b60-8d24-b2f3-321efb7d8e6f");
    assert_eq!(
        create_id(command, &AggregateType::Server).to_string(),
        "15243953-eb2b-802d-a516-09b791f7c933"
    );
}

#[test]
fn ids_are_of_version_8() {
    let uuid = from_idempotency_key(owner(), &actor(), "k").uuid();
    assert_eq!(uuid.get_version_num(), 8);
    assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
}

#[test]
fn another_organization_principal_or_key_is_another_command() {
    let one = from_idempotency_key(owner(), &actor(), "a");
    let other_actor = format!("user:{ID}").parse().unwrap();
    assert_ne!(one, from_idempotency_key(Owner::Installation, &actor(), "a"));
    assert_ne!(one, from_idempotency_key(owner(), &other_actor, "a"));
    assert_ne!(one, from_idempotency_key(owner(), &actor(), "b"));
}

#[test]
fn parts_do_not_run_into_each_other() {
    assert_ne!(derive(&["ab", "c"]), derive(&["a", "bc"]));
    assert_ne!(derive(&["ab"]), derive(&["ab", ""]));
}
