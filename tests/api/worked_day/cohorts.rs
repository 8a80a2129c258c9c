//! The views for those who ask PostgreSQL: they count as the API does, show nobody's address, and feed the board.

use std::sync::Arc;

use backstamp::clock::{Clock, SystemClock};
use backstamp::database::{Database, Dialect};
use backstamp::domain::delivery::Counters;
use serde_json::Value;

use super::day::the_day;
use super::{DAY, enter};
use crate::support::{Api, Installation, tables};

const VIEWS: [&str; 3] = ["cohort_messages", "cohort_hours", "cohort_days"];
const BOARD: &str = include_str!("../../../dashboards/grafana/cohorts.json");

async fn number(database: &Database, sql: &str) -> i64 {
    let row = database.fetch_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    row.int("n").expect("a number")
}

fn is_served(database: &Database) -> bool {
    database.dialect() == Dialect::Postgres
}

/// Every number of the views is the API's, of all and of each mailbox provider. SQLite has no views.
pub async fn assert_they_agree(database: &Database, api: &Api) {
    if !is_served(database) {
        return;
    }
    let metrics = api.ask(&format!("{DAY}&interval=day&group_by=mailbox_provider")).await;
    let mut cohorts = vec![("TRUE".to_owned(), &metrics["totals"])];
    for group in metrics["groups"].as_array().expect("groups") {
        let key = group["key"].as_str().expect("a key");
        cohorts.push((format!("mailbox_provider = '{key}'"), &group["totals"]));
    }
    for (condition, totals) in cohorts {
        for name in Counters::FLAGS.iter().chain(Counters::COUNTS) {
            for view in VIEWS {
                let sql = format!("SELECT CAST(SUM({name}) AS BIGINT) AS n FROM {view} WHERE {condition}");
                let counted = number(database, &sql).await;
                assert_eq!(totals[name].as_i64(), Some(counted), "{name} in {view} where {condition}");
            }
        }
    }
    for (span, of) in
        [("time_to_delivered", "0.5"), ("time_to_delivered", "0.75"), ("request_to_completed", "0.5")]
    {
        let sql = format!(
            "SELECT CAST(1000 * PERCENTILE_DISC({of}) WITHIN GROUP (ORDER BY {span}) AS BIGINT) AS n \
             FROM cohort_messages WHERE {span} IS NOT NULL"
        );
        let name = format!("p{}", &format!("{of}0")[2..4]);
        let seconds = metrics[span][&name].as_f64().expect("a percentile");
        assert_eq!((seconds * 1_000.0).round(), number(database, &sql).await as f64, "{span} {name}");
    }
}

async fn the_day_folded() -> (Installation, crate::support::Program) {
    let installation = Installation::new().await;
    enter(&installation, &the_day(), |_| true, 1).await;
    let program = installation.start().await;
    tables::folded(&installation.scratch.database).await;
    (installation, program)
}

#[tokio::test]
async fn the_views_go_on_with_the_tables_of_a_rebuild() {
    let (installation, program) = the_day_folded().await;

    for _ in 0..2 {
        installation.succeed(&["rebuild", "deliveries"], "").await;
        assert_they_agree(&installation.scratch.database, &program.api).await;
    }
}

/// The statements of the board: those of its variables, then those of its panels with everything chosen.
fn statements() -> Vec<(String, String)> {
    let board: Value = serde_json::from_str(BOARD).expect("the board is JSON");
    let variables = board["templating"]["list"].as_array().expect("variables");
    let variables = variables.iter().filter(|variable| variable["type"] == "query").map(|variable| {
        let text = |name: &str| variable[name].as_str().expect("a text").to_owned();
        (text("name"), text("query"))
    });
    let panels = board["panels"].as_array().expect("panels").iter().flat_map(|panel| {
        let title = panel["title"].as_str().expect("a title").to_owned();
        let targets = panel["targets"].as_array().expect("targets").iter();
        targets.map(move |target| (title.clone(), target["rawSql"].as_str().expect("SQL").to_owned()))
    });
    variables.chain(panels).collect()
}

/// As Grafana fills it in, over a range with the day in it.
fn filled(sql: &str) -> String {
    let filled = sql
        .replace("$__unixEpochFrom()", "1767571200")
        .replace("$__unixEpochTo()", "1767657600")
        .replace("($template)", "('password-reset','email-verification')")
        .replace("($provider)", "('sandbox','mailgun')")
        .replace("($mailbox_provider)", "('gmail','microsoft','yahoo','apple','other')");
    assert!(!filled.contains('$'), "what stands for it is unknown here: {filled}");
    filled
}

#[tokio::test]
async fn every_panel_of_the_board_has_an_answer() {
    let (installation, _program) = the_day_folded().await;
    let statements = statements();
    assert!(statements.len() > 12, "{statements:?}");

    for (what, sql) in statements {
        let sql = filled(&sql);
        let views = VIEWS.iter().filter(|view| sql.contains(**view)).count();
        assert_eq!(views, 1, "{what} asks one view and no table: {sql}");
        if is_served(&installation.scratch.database) {
            let rows = installation.scratch.database.fetch_all(&sql, &[]).await;
            let rows = rows.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(!rows.is_empty(), "{what} shows nothing: {sql}");
        }
    }
}

#[tokio::test]
async fn the_views_show_nobody_and_their_reader_sees_nothing_else() {
    let (installation, _program) = the_day_folded().await;
    let database = &installation.scratch.database;
    if !is_served(database) {
        return;
    }
    let columns = database
        .fetch_all(
            "SELECT CAST(table_name AS TEXT) AS view, CAST(column_name AS TEXT) AS name
             FROM information_schema.columns WHERE table_name LIKE 'cohort%'",
            &[],
        )
        .await
        .expect("columns");
    assert!(columns.len() > 100);
    for column in &columns {
        let name = column.text("name").expect("a name");
        assert!(
            !["recipient", "key", "domain", "facts", "address"].iter().any(|part| name.contains(part)),
            "{name}"
        );
    }
    for view in VIEWS {
        for row in tables::rows(database, view).await {
            assert!(!row.contains('@') && !row.contains("***") && !row.contains(".test"), "{view}: {row}");
        }
    }

    // The recipe of docs/operations.md, for a role of this test's own.
    let role = format!("reader_{}", Arc::new(SystemClock).uuid().simple());
    for sql in [
        format!("CREATE ROLE {role} LOGIN PASSWORD 'a-password-of-the-test'"),
        format!("GRANT SELECT ON cohort_messages, cohort_hours, cohort_days TO {role}"),
    ] {
        database.execute(&sql, &[]).await.expect("the role is made");
    }
    let mut url = url::Url::parse(&installation.scratch.url).expect("a URL");
    url.set_username(&role).expect("a user");
    url.set_password(Some("a-password-of-the-test")).expect("a password");
    let reader = Database::connect(url.as_str()).await.expect("the reader connects");
    for view in VIEWS {
        assert!(number(&reader, &format!("SELECT count(*) AS n FROM {view}")).await > 0, "{view}");
    }
    for table in ["delivery_facts", "delivery_rollups", "events", "accounts", "webhooks", "bounce_failures"] {
        let refused = reader.fetch_all(&format!("SELECT 1 AS one FROM {table}"), &[]).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("permission denied")), "{table}");
    }
    reader.close().await;
    database.execute(&format!("DROP OWNED BY {role}"), &[]).await.expect("its rights end");
    database.execute(&format!("DROP ROLE {role}"), &[]).await.expect("the role goes");
}
