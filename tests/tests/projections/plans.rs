//! Every read that a request can cause finds its rows by an index, among many.

use std::collections::HashMap;

use projections::Projection;
use projections::postgres::{reads, tables};
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::stage::Stage;

const ROWS: u32 = 120_000;

/// What each read is asked with, as SQL literals in the order of its parameters.
fn arguments() -> HashMap<&'static str, String> {
    let owner = "'00000000-0000-0000-0000-000000000007'";
    let waiting = |end| format!("'kl.events.0.00000000-0000-0000-0000-000000000007.key{end}'");
    let (held, now) = ("'00000000-0000-0000-0000-000000001007'", ", 1795500000000::bigint");
    let granted = |client, person, server, rest| {
        let first = format!("{owner}::uuid, {}::bigint, 51::bigint", i64::MAX);
        format!("{first}, {client}::uuid, {person}::uuid, {server}::uuid, NULL::text{rest}")
    };
    let range = "1795500000000::bigint, 0::bigint, 1795586400000::bigint, 0::bigint, 51::bigint";
    let looked = "1795500000000::bigint, 0::bigint, 1795586400000::bigint, 0::bigint, 50::bigint";
    HashMap::from([
        ("organizations", "60000::bigint, 51::bigint".to_owned()),
        ("servers of an organization", format!("{owner}::uuid, {}::bigint, 51::bigint", i64::MAX)),
        ("keys of an owner", format!("{owner}::text, {}::bigint, 51::bigint", i64::MAX)),
        (
            "history of an aggregate, oldest first",
            format!("{owner}::text, 'key'::text, 'k-1007'::text, 0::bigint, 51::bigint"),
        ),
        (
            "history of an aggregate, newest first",
            format!("{owner}::text, 'key'::text, 'k-1007'::text, {}::bigint, 51::bigint", i64::MAX),
        ),
        ("history of an owner, oldest first", format!("{range}, {owner}::text")),
        ("history of an owner, newest first", format!("{range}, {owner}::text")),
        ("history of the installation, oldest first", range.to_owned()),
        ("history of the installation, newest first", range.to_owned()),
        ("what is looked at of an owner, oldest first", format!("{looked}, {owner}::text")),
        ("what is looked at of an owner, newest first", format!("{looked}, {owner}::text")),
        ("what is looked at of the installation, oldest first", looked.to_owned()),
        ("what is looked at of the installation, newest first", looked.to_owned()),
        ("feed of an owner", format!("1000::bigint, 100000::bigint, 51::bigint, {owner}::text")),
        ("feed of the installation", "1000::bigint, 100000::bigint, 51::bigint".to_owned()),
        (
            "what is looked at of an owner's feed",
            format!("1000::bigint, 100000::bigint, 50::bigint, {owner}::text"),
        ),
        (
            "what is looked at of the installation's feed",
            "1000::bigint, 100000::bigint, 50::bigint".to_owned(),
        ),
        ("webhooks of an owner", format!("{owner}::text, {}::bigint, 51::bigint", i64::MAX)),
        ("issuers of an owner", format!("{owner}::text, {}::bigint, 51::bigint", i64::MAX)),
        ("consents of an organization", granted("NULL", "NULL", "NULL", "")),
        ("consents to a client", granted(held, "NULL", "NULL", "")),
        ("consents of a person", granted("NULL", held, "NULL", "")),
        ("consents on a server", granted("NULL", "NULL", held, "")),
        ("grants of an organization", granted("NULL", "NULL", "NULL", now)),
        ("grants to a client", granted(held, "NULL", "NULL", now)),
        ("grants of a person", granted("NULL", held, "NULL", now)),
        ("grants on a server", granted("NULL", "NULL", held, now)),
        ("clients of an owner", format!("{owner}::text, {}::bigint, 51::bigint", i64::MAX)),
        ("approvals of an organization", format!("{owner}::uuid, {}::bigint, 51::bigint", i64::MAX)),
        ("delivery log of a webhook", format!("'{:032}'::uuid, {}::bigint, 51::bigint", 7, i64::MAX)),
        ("dead letters of a webhook", format!("'{:032}'::uuid, {}::bigint, 51::bigint", 7, i64::MAX)),
        (
            "names beside ids",
            format!(
                "ARRAY['{:032}']::uuid[], '{{}}'::uuid[], '{{}}'::uuid[], '{{}}'::uuid[], '{{}}'::uuid[], '{{}}'::uuid[], '{{}}'::uuid[], '{{}}'::uuid[]",
                1_007
            ),
        ),
        ("people", "60000::bigint, 51::bigint".to_owned()),
        ("members of an organization", format!("{owner}::uuid, {}::bigint, 51::bigint", i64::MAX)),
        ("invitations of an organization", format!("{owner}::uuid, {}::bigint, 51::bigint", i64::MAX)),
        (
            "what was before",
            format!(
                "ARRAY[99999]::bigint[], ARRAY[{owner}]::text[], ARRAY['key']::text[], ARRAY['k-1007']::text[], \
                 ARRAY['key.renamed']::text[], ARRAY['key.issued']::text[], ARRAY['name']::text[], \
                 ARRAY['server.changed']::text[], 50::bigint"
            ),
        ),
        (
            "what waits of an owner",
            format!("'keys'::text, {}::text, {}::text, 51::bigint", waiting("."), waiting("/")),
        ),
    ])
}

/// A hundred owners, in turn.
async fn fill(stage: &Stage) {
    let owner = "('00000000-0000-0000-0000-' || lpad((n % 100)::text, 12, '0'))";
    let held = "('00000000-0000-0000-0000-' || lpad((n % 2000)::text, 12, '0'))::uuid";
    let series = format!("FROM generate_series(1, {ROWS}) n");
    let statements = [
        format!(
            "INSERT INTO organizations SELECT gen_random_uuid(), 'o' || n, 'name', 'active', now(), now(), n, n \
             {series}"
        ),
        format!(
            "INSERT INTO servers SELECT gen_random_uuid(), {owner}::uuid, 's' || n, 'name', 'https://x.example', \
             'enabled', now(), now(), n, n {series}"
        ),
        format!(
            "INSERT INTO keys SELECT lpad(n::text, 32, '0')::uuid, {owner}, gen_random_uuid(), '{{\"kind\":\"organization\"}}', \
             'live', 'kl_live', 'Ab1z', 'active', NULL, NULL, ARRAY['mcp:*'], 'system:bootstrap', 'name', NULL, \
             NULL, now(), now(), NULL, n, n {series}"
        ),
        format!(
            "INSERT INTO webhooks SELECT lpad(n::text, 32, '0')::uuid, {owner}, 'name', 'https://a.example/', ARRAY['*'], \
             'active', gen_random_uuid(), NULL, NULL, now(), now(), n, n {series}"
        ),
        format!(
            "INSERT INTO issuers SELECT lpad(n::text, 32, '0')::uuid, {owner}, 's' || n, 'name', '{{}}', 'enabled', NULL, \
             NULL, NULL, now(), now(), n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO clients SELECT lpad(n::text, 32, '0')::uuid, {owner}, '{{\"kind\":\"given\"}}', 'name', '{{}}', 'active', \
             '[]', now(), now(), n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO approvals SELECT gen_random_uuid(), {owner}::uuid, lpad(n::text, 32, '0')::uuid, 'given', now(), now(), \
             n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO people SELECT lpad(n::text, 32, '0')::uuid, 'active', 'a@a.example', true, 'name', NULL, '[]', \
             NULL, now(), now(), n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO members SELECT gen_random_uuid(), {owner}::uuid, lpad(n::text, 32, '0')::uuid, 'viewer', \
             ARRAY['mcp:*'], 'active', now(), now(), n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO invitations SELECT gen_random_uuid(), {owner}::uuid, 'name', NULL, 'viewer', ARRAY['mcp:*'], \
             now(), 'open', NULL, now(), now(), n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO consents SELECT gen_random_uuid(), {owner}::uuid, {held}, NULL, {held}, {held}, ARRAY['mcp:*'], \
             'given', now(), now(), n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO grants SELECT gen_random_uuid(), {owner}::uuid, {held}, NULL, {held}, {held}, ARRAY['mcp:*'], \
             now(), NULL, NULL, now(), n, n, gen_random_uuid() {series}"
        ),
        format!(
            "INSERT INTO webhook_queue (webhook, owner, message, sequence, kind, object, lane, dead_at) \
             SELECT lpad((n % 100)::text, 32, '0')::uuid, {owner}, gen_random_uuid(), n, 'key.issued', 'key:' || n, 0, \
             now() {series}"
        ),
        format!(
            "INSERT INTO webhook_attempts (webhook, owner, message, sequence, kind, lane, attempt, millis, outcome) \
             SELECT lpad((n % 100)::text, 32, '0')::uuid, {owner}, gen_random_uuid(), n, 'key.issued', 0, 1, 1, 'retry' \
             {series}"
        ),
        format!(
            "INSERT INTO history SELECT n, gen_random_uuid(), 'key.renamed', 1, \
             to_timestamp(1795500000 + n), to_timestamp(1795500000 + n), {owner}, 'key', 'k-' || (n % 5000), \
             'system:bootstrap', gen_random_uuid(), NULL, '{{}}', '{{\"name\":\"a name\"}}' {series}"
        ),
        format!(
            "INSERT INTO parked_events (projection, sequence, subject, event, kind, schema_version, stored_at, reason) \
             SELECT 'keys', n, 'kl.events.0.' || {owner} || '.key.' || gen_random_uuid(), gen_random_uuid(), \
             'key.issued', 1, now(), 'a reason' {series}"
        ),
        "ANALYZE".to_owned(),
    ];
    for sql in statements {
        sqlx::query(AssertSqlSafe(sql)).execute(stage.pool.inner()).await.unwrap();
    }
}

/// One step of a plan.
#[derive(Debug)]
struct Step {
    kind: String,
    index: String,
    rows: f64,
}

fn steps(plan: &Value, found: &mut Vec<Step>) {
    let text = |name: &str| plan[name].as_str().unwrap_or_default().to_owned();
    let rows = plan["Actual Rows"].as_f64().unwrap() + plan["Rows Removed by Filter"].as_f64().unwrap_or(0.0);
    found.push(Step { kind: text("Node Type"), index: text("Index Name"), rows });
    for child in plan["Plans"].as_array().into_iter().flatten() {
        steps(child, found);
    }
}

#[tokio::test]
async fn every_read_uses_an_index() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let arguments = arguments();
    let mut connection = stage.pool.inner().acquire().await.unwrap();
    // PostgreSQL plans a statement for its arguments at first, and later once for all.
    for (name, sql, mode) in ["force_custom_plan", "force_generic_plan"]
        .into_iter()
        .flat_map(|mode| reads().into_iter().map(move |(name, sql)| (name, sql, mode)))
    {
        let set = format!("SET plan_cache_mode = {mode}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *connection).await.unwrap();
        let arguments = arguments.get(name).unwrap_or_else(|| panic!("no arguments for: {name}"));
        let prepare = format!("PREPARE read AS {sql}");
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
        let explain = format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE read({arguments})");
        let plan: Value =
            sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut *connection).await.unwrap();
        let mut found = Vec::new();
        steps(&plan[0]["Plan"], &mut found);
        println!("{name}, {mode}: {} ms, {found:?}", plan[0]["Execution Time"]);
        assert!(found[0].rows > 0.0, "{name} finds nothing: {plan:#}");
        assert!(found.iter().any(|step| !step.index.is_empty()), "{name} uses no index: {plan:#}");
        assert!(found.iter().all(|step| step.kind != "Seq Scan"), "{name} reads a whole table: {plan:#}");
        assert!(found.iter().all(|step| step.rows <= 51.0), "{name} reads more than it shows: {plan:#}");
        sqlx::raw_sql("DEALLOCATE read").execute(&mut *connection).await.unwrap();
    }
    for table in Projection::ALL.map(Projection::as_str) {
        assert!(reads().iter().any(|(_, sql)| sql.contains(table)), "no read of {table} is listed");
    }
}

/// A table that is not among them is neither emptied, nor compared after a rebuild, nor copied. What a worker remembers of the
/// log's checkpoints, how far drains and exports are, and what webhooks are sent comes from no event.
#[tokio::test]
async fn every_table_of_the_database_is_known() {
    let stage = Stage::new().await;
    let sql = "SELECT table_name::text FROM information_schema.tables \
               WHERE table_schema = 'public' AND table_name NOT IN ('_sqlx_migrations', 'signed_checkpoints', 'places', \
               'webhook_cursors', 'webhook_queue', 'webhook_attempts') ORDER BY 1";
    let there: Vec<String> = sqlx::query_scalar(sql).fetch_all(stage.pool.inner()).await.unwrap();
    let mut known: Vec<_> = tables().collect();
    known.sort_unstable();
    assert_eq!(there, known);
}
